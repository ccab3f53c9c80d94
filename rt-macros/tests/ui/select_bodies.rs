fn main() {
    let (a, b) = (1, 2);
    rt::select! {
        recv(a) -> v => println!("{v:?}")
        recv(b) => {}
    }
    rt::select! {
        recv(a) => drop(a);
        recv(b) => {}
    }
    rt::select! { recv(a) -> v => }
    rt::select! { recv(a) -> v =>, recv(b) => {} }
    rt::select! { recv(a) -> v => v +, recv(b) => {} }
    rt::select! { recv(a) => {},, recv(b) => {} }
}
