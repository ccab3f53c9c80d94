struct V {}

fn main() {
    let (tx, rx) = (1, 2);
    rt::select! { recv(rx) }
    rt::select! { recv(rx) { println!("received") } }
    rt::select! { recv(rx), default => {} }
    rt::select! { recv(rx) v => {} }
    rt::select! { recv(rx) -> => {} }
    rt::select! { recv(rx) -> v }
    rt::select! { recv(rx) -> v {} }
    rt::select! { recv(rx) -> V {} => {} recv(rx) -> v { println!("{v}") } }
    rt::select! { recv(rx) -> v: u32 => {} }
    rt::select! { send(tx, 1) = r => {} }
    rt::select! { default {} }
    rt::select! { default -> v => {} }
}
