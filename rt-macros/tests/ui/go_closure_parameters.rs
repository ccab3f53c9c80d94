fn main() {
    rt::go!(|a: u32, b: u32| a + b);
}
