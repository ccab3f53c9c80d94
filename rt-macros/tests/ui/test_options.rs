#[rt::test(seed = 1, procs = 4)]
fn one_processor() {}

#[rt::test(virtual_time = false, explore = 3)]
fn real_time() {}

#[rt::test(explore = 0, leaks = "never", seed)]
fn values() {}

#[rt::test(sead = 1)]
fn misspelt() {}

fn main() {}
