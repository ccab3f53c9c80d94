fn main() {
    let (tx, rx) = (1, 2);
    rt::select! { recv rx => {} }
    rt::select! { recv() => {} }
    rt::select! { recv(rx, tx) => {} }
    rt::select! { send(tx) => {} }
    rt::select! { send(tx, 1, 2) => {} }
    rt::select! { send_from(tx) -> sent => {} }
    rt::select! { recv(rx) => {} default(1, 2) => {} }
}
