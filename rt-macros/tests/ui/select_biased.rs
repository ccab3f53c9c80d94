fn main() {
    let rx = 1;
    rt::select! {
        recv(rx) => {}
        biased;
        recv(rx) => {}
    }
    rt::select! {
        biased,
        recv(rx) => {}
    }
    rt::select! { biased recv(rx) => {} }
    rt::select! { biased => {} }
}
