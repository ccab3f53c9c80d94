//! Settings that are refused: of a runtime, of a goroutine, and in the environment.

use crate::common::{self, child, is_child, runtime};
use std::io::ErrorKind;

#[test]
fn bad_settings_are_told() {
    let _t = common::test();
    let error = |builder: rt::Builder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        error.to_string()
    };
    let new = rt::Runtime::builder;
    assert_eq!(error(new().procs(0)), "procs is 0: it must be from 1 to 4096");
    assert_eq!(error(new().procs(1 << 20)), "procs is 1048576: it must be from 1 to 4096");
    assert_eq!(error(new().max_threads(0)), "max_threads is 0: it must be at least 1");
    let small = error(new().stack_size(32_767));
    assert!(small.contains("32767 bytes is too small: at least 32768"), "{small}");
    let large = error(new().stack_size((1 << 30) + 1));
    assert!(large.contains("1073741825 bytes is too large: at most 1073741824"), "{large}");
    new().procs(1).stack_size(32 << 10).build().unwrap().run(|| ());
}

#[test]
fn a_bad_stack_size_of_a_goroutine_is_told() {
    let _t = common::test();
    let runtime = runtime(1);
    runtime.run(|| {
        for bytes in [0, 1, 32_767, (1 << 30) + 1, usize::MAX] {
            let error = rt::task::Builder::new().stack_size(bytes).spawn(|| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&bytes.to_string()), "{error}");
        }
        for bytes in [32 << 10, (32 << 10) + 1, 8 << 20, 1 << 30] {
            let handle = rt::task::Builder::new().stack_size(bytes).spawn(move || bytes).unwrap();
            assert_eq!(handle.join().unwrap(), bytes);
        }
    });
}

#[test]
fn bad_environment_is_told() {
    let name = "settings::bad_environment_is_told";
    if is_child(name) {
        match rt::Runtime::builder().build() {
            Ok(runtime) => eprintln!("built with {} procs", runtime.run(rt::procs)),
            Err(error) => eprintln!("{:?}: {error}", error.kind()),
        }
        return;
    }
    let _t = common::test();
    let with = |variable: &str, value: &str| {
        let mut child = child(name);
        child.env(variable, value);
        let ended = common::run(child);
        ended.assert_success();
        ended
    };
    for (variable, value, also) in [
        ("RT_PROCS", "0", "from 1 to 4096"),
        ("RT_PROCS", "many", "from 1 to 4096"),
        ("RT_PROCS", "-1", "from 1 to 4096"),
        ("RT_PROCS", "5000", "from 1 to 4096"),
        ("RT_STACK_SIZE", "big", "whole number"),
        ("RT_STACK_SIZE", "1000", "at least 32768"),
        ("RT_STACK_SIZE", "99999999999", "at most 1073741824"),
        ("RT_DEBUG", "everything", "schedtrace=MILLISECONDS"),
        ("RT_DEBUG", "schedtrace=0", "schedtrace"),
        ("RT_BARRIER", "none", "membarrier"),
        ("RT_STACK_GUARD", "none", "\"madvise\", \"mprotect\""),
    ] {
        with(variable, value).assert_says(&["InvalidInput", variable, also]);
    }
    with("RT_PROCS", "3").assert_says(&["built with 3 procs"]);
    with("RT_PROCS", "").assert_says(&["built with "]);
    with("RT_STACK_GUARD", "mprotect").assert_says(&["built with "]);
}
