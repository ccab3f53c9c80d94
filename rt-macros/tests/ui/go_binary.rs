fn main() {
    rt::go!(1 + 2);
    rt::go!();
    rt::go!(main);
    rt::go!(main(); main());
}
