fn main() {
    let (tx, rx) = (1, 2);
    rt::select! {
        recv(rx) -> Some(n) => println!("{n}"),
        default => {}
    }
    rt::select! { recv(rx) -> None => {} }
    rt::select! { recv(rx) -> Ok(n) => println!("{n}") }
    rt::select! { send(tx, 1) -> (std::result::Result::Ok(())) => {} }
    rt::select! { recv(rx) -> all @ Err(_) => println!("{all:?}") }
    rt::select! { recv(rx) -> 1 => {} }
}
