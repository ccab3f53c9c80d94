fn main() {
    let mut count = 0;
    rt::defer! { println!("{count}") }
    count += 1;
    rt::panic::frame(|f| {
        let name = String::from("gone");
        f.defer(|_| println!("{name}"));
    });
    let name = String::from("moved");
    rt::defer_call!(drop(name));
    println!("{name}");
    let mut list = vec![1];
    rt::defer_call!(list.clear());
    list.push(2);
}
