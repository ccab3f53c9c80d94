#[rt::test]
#[test]
fn twice() {}

fn main() {}
