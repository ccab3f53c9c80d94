//! Looks at the machine code of this very program: a function that switches goroutines must not
//! hold the address of a thread-local, for after the switch it may be another thread's.
//!
//! Reading a thread-local where it is needed (`%fs:offset`) is right wherever it stands. Taking the
//! address (`%fs:0`, or a call of `__tls_get_addr`) and using it later is what goes wrong, and
//! what the optimizer does when it moves the address out of a loop. All of the runtime's own
//! thread-locals are behind functions that are never inlined; this test sees whether that holds,
//! for `rt`, std and crossbeam alike, when everything is inlined that can be: `cargo test -p rt
//! --profile fat --test disassembly`.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "disassembly/everything.rs"]
mod everything;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What a function does, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Function {
    /// Switches of stacks.
    switches: usize,
    /// Addresses of thread-locals that it takes.
    addresses: usize,
}

/// Reads what `objdump -d` prints. Several may have one name: those that were made of one generic function.
fn functions(listing: &str) -> Vec<(&str, Function)> {
    let mut found: Vec<(&str, Function)> = Vec::new();
    for line in listing.lines() {
        if let Some(head) = line.strip_suffix(">:") {
            let name = head.split_once('<').map_or("", |(_, name)| name);
            found.push((name, Function::default()));
            continue;
        }
        let Some((_, code)) = line.split_once(":\t") else { continue };
        let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some((_, function)) = found.last_mut() else { continue };
        // corosensei's switch back to who resumed it.
        function.switches += usize::from(code.starts_with("mov (%rdx),%rsp"));
        function.addresses +=
            usize::from(code.contains("%fs:0x0,") || code.contains("__tls_get_addr"));
    }
    found
}

/// The functions that switch, and those of them that also take an address.
fn suspects(listing: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let functions = functions(listing);
    let names = |pick: &dyn Fn(&Function) -> bool| {
        functions.iter().filter(|(_, f)| pick(f)).map(|(name, _)| *name).collect()
    };
    (names(&|f| f.switches > 0), names(&|f| f.switches > 0 && f.addresses > 0))
}

#[test]
fn the_reader_tells_the_bad_from_the_good() {
    let listing = "\
0000000000001000 <good>:
    1000:\tmov    %fs:0xffffffffffffff40,%rax
    1009:\tmov    (%rdx),%rsp
0000000000002000 <bad>:
    2000:\tmov    %fs:0x0,%rbx
    2009:\tmov    (%rdx),%rsp
0000000000003000 <worse<T>>:
    3000:\tcall   5000 <__tls_get_addr@plt>
    3009:\tmov    (%rdx),%rsp
0000000000004000 <elsewhere>:
    4000:\tmov    %fs:0x0,%rax
0000000000005000 <good>:
    5000:\tmov    %fs:0x0,%rax
";
    let (switching, bad) = suspects(listing);
    assert_eq!(switching.into_iter().collect::<Vec<_>>(), ["bad", "good", "worse<T>"]);
    assert_eq!(bad.into_iter().collect::<Vec<_>>(), ["bad", "worse<T>"]);
}

#[test]
fn no_function_that_switches_takes_the_address_of_a_thread_local() {
    // One goroutine at a time runs on one processor: the mistake does no harm here.
    rt::Runtime::builder().procs(1).build().unwrap().run(everything::everything);
    look_at(&std::env::current_exe().unwrap());
}

/// `cargo build -p rt --profile fat --example plugin` builds it beside the tests of that profile.
#[test]
fn no_function_of_a_shared_library_does() {
    let program = std::env::current_exe().unwrap();
    let target = program.parent().and_then(Path::parent).unwrap();
    let plugin = target.join("examples/libplugin.so");
    if plugin.exists() {
        look_at(&plugin);
    } else {
        eprintln!("SKIPPED: {} was not built", plugin.display());
    }
}

fn look_at(program: &Path) {
    let objdump =
        Command::new("objdump").args(["-d", "-C", "--no-show-raw-insn"]).arg(program).output();
    let listing = match objdump {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        other => {
            eprintln!("SKIPPED: no look at the machine code, for objdump does not run: {other:?}");
            return;
        }
    };
    let (switching, mut bad) = suspects(&listing);
    println!("{} functions switch: {switching:#?}", switching.len());
    // Without optimization the switch stands in corosensei alone.
    let least = if cfg!(debug_assertions) { 1 } else { 5 };
    assert!(switching.len() >= least, "the switch was not recognized: {switching:?}");
    let mistake = bad.iter().position(|name| name.contains("the_mistake"));
    if !cfg!(debug_assertions) {
        assert!(mistake.is_some(), "the mistake made on purpose was not found");
    }
    bad.retain(|name| !name.contains("the_mistake"));
    assert!(bad.is_empty(), "they switch, and take the address of a thread-local: {bad:#?}");
}
