#[rt::main(procs = 4_u32)]
fn main() {}
