fn main() {
    rt::select! {
        default => {}
        recv(rx) => {}
        default(timeout) => {}
    }
}
