use rt::chan::Chan;

fn main() {
    let ch: Chan<String> = Chan::new(1);
    let text = String::from("gone, sent or not");
    rt::select! {
        send(ch, text) => {}
        default => println!("{text}"),
    }
}
