#[rt::test]
#[should_panic]
fn fails() -> Result<(), String> {
    Err("not a panic".into())
}

fn main() {}
