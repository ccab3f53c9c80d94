fn main() {
    let rx = 1;
    rt::select! {
        recv(rx) => {}
        receive(rx) -> v => {}
    }
    rt::select! { v = rx.recv() => {} }
    rt::select! { self.rx -> v => {} }
    rt::select! { Some(v) = rx.recv() => {} }
    rt::select! { _ => {} }
    rt::select! { #[cfg(unix)] recv(rx) => {} }
}
