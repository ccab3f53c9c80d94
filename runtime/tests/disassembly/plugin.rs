//! A library to be loaded at run time, with `rt` in it: its thread-locals are found by a call, whose result the optimizer likes to
//! keep. `tests/disassembly.rs` looks at its machine code.

mod everything;

/// Something to export, or there would be nothing in it.
#[unsafe(no_mangle)]
pub extern "C" fn rt_plugin() {
    if let Ok(runtime) = rt::Runtime::builder().procs(1).build() {
        runtime.run(everything::everything);
    }
}
