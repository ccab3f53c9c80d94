//! Ways to end: `abort` unwinds a goroutine from where it waits, `exit` is Go's `runtime.Goexit`. Destructors run.
//! `join_timeout` waits for a while only, and leaves the goroutine alone.
//!
//! ```text
//! == ending: abort, exit and join_timeout
//! after 20 ms: is_timeout true
//! cleaned up
//! aborted: is_cancelled true
//! cleaned up
//! exited: is_cancelled true
//! finished in time: 1
//! ```

use std::time::Duration;

use rt::chan::Chan;
use rt::go;

struct CleanUp;

impl Drop for CleanUp {
    fn drop(&mut self) {
        println!("cleaned up");
    }
}

pub(crate) fn run() {
    let (begun, nobody_sends) = (Chan::new(0), Chan::<u32>::new(0));
    let waiting = go!(begun, nobody_sends => {
        let _guard = CleanUp;
        begun.send(());
        nobody_sends.recv()
    });
    begun.recv();
    let error = waiting.join_timeout(Duration::from_millis(20)).unwrap_err();
    println!("after 20 ms: is_timeout {}", error.is_timeout());

    waiting.abort();
    let error = waiting.join().unwrap_err();
    println!("aborted: is_cancelled {}", error.is_cancelled());

    let exiting = go!({
        let _guard = CleanUp;
        rt::task::exit();
    });
    let error = exiting.join().unwrap_err();
    println!("exited: is_cancelled {}", error.is_cancelled());

    let quick = go!({ 1 });
    println!("finished in time: {}", quick.join_timeout(Duration::from_secs(10)).unwrap());
}
