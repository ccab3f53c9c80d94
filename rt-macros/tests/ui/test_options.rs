#[rt::test(seed = 1)]
fn seeded() {}

#[rt::test(virtual_time, explore = 3)]
fn later() {}

fn main() {}
