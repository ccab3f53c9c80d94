//! Signals come as values on a channel, so that a `select!` can wait for them beside everything else. When the last
//! receiver is gone, the system does again what it always did.
//!
//! ```text
//! == signals: from the system to a channel
//! SIGUSR1: read the configuration again
//! SIGTERM: done after 2 signals
//! ```

use std::process::{self, Command};
use std::time::Duration;

use rt::chan::after;
use rt::go;
use rt::select;
use rt::signal::{self, Signal};

/// As somebody does who types `kill` in another window.
fn kill(signal: Signal) {
    let line = format!("kill -{} {}", signal.as_raw(), process::id());
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
}

pub(crate) fn run() {
    let reload = signal::notify(&[Signal::USER1]);
    let stop = signal::notify(&[Signal::INTERRUPT, Signal::TERMINATE]);
    let late = after(Duration::from_secs(60));
    go!(kill(Signal::USER1));
    let mut signals = 0;
    loop {
        signals += 1;
        select! {
            recv(reload) -> signal => {
                println!("{}: read the configuration again", signal.unwrap());
                go!(kill(Signal::TERMINATE));
            }
            recv(stop) -> signal => {
                break println!("{}: done after {signals} signals", signal.unwrap());
            }
            recv(late) => panic!("no signal in a minute"),
        }
    }
}
