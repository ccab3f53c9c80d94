fn main() {
    let ch = rt::chan::Chan::<u32>::new(1);
    rt::select! { recv(ch) -> v => break }
    rt::select! { recv(ch) -> v => { println!("{:?}", slot) } }
    let first = rt::select! { recv(ch) -> v => &v };
}
