fn show(text: &str) {
    println!("{text}");
}

fn main() {
    let text = String::from("gone with main");
    rt::go!(show(&text));
}
