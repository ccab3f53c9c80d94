#[rt::main(threads = 4, procs = "4", stack_size = 1, stack_size = 2)]
fn main() {}
