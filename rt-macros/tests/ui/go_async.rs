async fn f() {}

fn main() {
    rt::go!(async { f().await });
}
