use rt::chan;

fn main() {
    let (tx, rx) = chan::bounded::<u32>(1);
    rt::select! { recv(tx) -> v => {} }
    rt::select! { send(rx, 1) => {} }
    rt::select! { send_from(rx, &mut Some(1)) => {} }
    rt::select! { recv(String::new()) => {} }
}
