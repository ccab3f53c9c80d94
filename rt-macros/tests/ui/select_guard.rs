fn main() {
    let (rx, ready) = (1, true);
    rt::select! { recv(rx) -> v if ready => {} }
    rt::select! { recv(rx) if ready => {} }
    rt::select! { default if ready => {} }
    rt::select! { if ready => recv(rx) => {} }
}
