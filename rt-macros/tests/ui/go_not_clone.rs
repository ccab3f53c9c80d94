struct Unique;

fn main() {
    let unique = Unique;
    rt::go!(unique => drop(unique));
}
