//! `#[rt::main]` as the `main` of a process: what it returns is the exit code, and nobody is waited for.
//!
//! Without an argument that names a part, this process plays every part in a child and checks its exit code.
#![deny(warnings)]

use std::fmt;
use std::process::{Command, ExitCode};
use std::rc::Rc;
use std::time::Duration;

/// Neither `Send` nor anything but an error.
struct Failure(Rc<str>);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed: {}", self.0)
    }
}

mod never {
    #[rt::main]
    pub(crate) fn main() -> ! {
        std::process::exit(9)
    }
}

#[rt::main(procs = 2)]
fn main() -> Result<ExitCode, Failure> {
    assert_eq!(rt::procs(), 2);
    match std::env::args().nth(1).as_deref() {
        Some("part:code") => return Ok(ExitCode::from(7)),
        Some("part:error") => return Err(Failure("on purpose".into())),
        Some("part:never") => return Ok(never::main()),
        Some("part:panic") => panic!("on purpose"),
        Some("part:detached") => {
            rt::go!({ rt::time::sleep(Duration::from_secs(3600)) });
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    for (part, code, stderr) in [
        ("part:code", 7, ""),
        ("part:error", 1, "Error: failed: on purpose"),
        ("part:never", 9, ""),
        ("part:panic", 101, "on purpose"),
        ("part:detached", 0, ""),
    ] {
        let exe = std::env::current_exe().expect("this process has a path");
        let output = Command::new(exe).arg(part).output().expect("this process starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{part}: {text}");
        assert!(text.contains(stderr), "{part}: {text}");
    }
    println!("every part ended as it should");
    Ok(ExitCode::SUCCESS)
}
