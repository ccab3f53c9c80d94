//! A tour of `rt`, one chapter per thing it can do; each is a file of its own beside this one.
//!
//! ```text
//! cargo run --example tour                 # all of it
//! cargo run --example tour -- pipeline     # one chapter
//! cargo run --example tour -- --list       # the index
//! ```
//!
//! The index:
//!
//! ```text
//! go             go! in all its forms
//! hello          main waits for nobody, unless a channel says so
//! wait_group     waiting for three goroutines
//! join           results, and panics as values
//! scope          goroutines that borrow
//! yielding       giving way
//! locals         goroutine_local!
//! names          names and ids
//! ending         abort, exit and join_timeout
//! defer          later, and in what order
//! recover        a panic that the program survives
//! panics         a chain of panics
//! channels       channels with and without a buffer
//! states         nil, open and closed channels
//! faces          Chan, or Sender and Receiver
//! pipeline       goroutines in a row
//! select         whatever comes first
//! fairness       by chance, or in order
//! cases          cases that come and go
//! dynamic        cases of which nobody knows how many
//! clocks         after, tick and never
//! contexts       ten workers, until they are told
//! causes         deadlines, causes, values
//! mutex          one at a time
//! rw_lock        many readers, or one writer
//! condvar        until it has changed
//! semaphore      so many at a time
//! barrier        all together
//! once           the first one does it
//! err_group      the first error
//! single_flight  one call for all
//! map            shared without a lock
//! growth         a map while it grows
//! pool           used again
//! bounded        few goroutines for many tasks
//! results        out of a pool
//! parked         100,000 goroutines that wait
//! runtimes       several runtimes, and plain threads
//! blocking       std calls that block
//! sleepers       eight blocked threads beside a ticker
//! hog            a loop that never gives way
//! timers         sleep, Timer, Ticker, after_func, timeout
//! virtual_time   hours in no time, and schedules from a seed
//! sockets        an echo server, deadlines, close
//! futures        block_on, and a future by hand
//! signals        from the system to a channel
//! slices         windows on one array
//! subsets        overwritten, copied, forked
//! interfaces     Dyn, assertions, type_switch!
//! metrics        the runtime in numbers
//! trace          what the scheduler did, for Perfetto
//! inside         every goroutine, seen from outside
//! ```
//!
//! What a chapter prints is at the head of its file. A panic in `join` is also reported on standard error.

mod barrier;
mod blocking;
mod bounded;
mod cases;
mod causes;
mod channels;
mod clocks;
mod condvar;
mod contexts;
mod defer;
mod dynamic;
mod ending;
mod err_group;
mod faces;
mod fairness;
mod futures;
mod go;
mod growth;
mod hello;
mod hog;
mod inside;
mod interfaces;
mod join;
mod locals;
mod map;
mod metrics;
mod mutex;
mod names;
mod once;
mod panics;
mod parked;
mod pipeline;
mod pool;
mod recover;
mod results;
mod runtimes;
mod rw_lock;
mod scope;
mod select;
mod semaphore;
mod signals;
mod single_flight;
mod sleepers;
mod slices;
mod sockets;
mod states;
mod subsets;
mod timers;
mod trace;
mod virtual_time;
mod wait_group;
mod yielding;

use std::process::ExitCode;

const USAGE: &str = "usage: tour [CHAPTER | --list]";

struct Chapter {
    name: &'static str,
    title: &'static str,
    run: fn(),
}

const fn chapter(name: &'static str, title: &'static str, run: fn()) -> Chapter {
    Chapter { name, title, run }
}

const CHAPTERS: &[Chapter] = &[
    chapter("go", "go! in all its forms", go::run),
    chapter("hello", "main waits for nobody, unless a channel says so", hello::run),
    chapter("wait_group", "waiting for three goroutines", wait_group::run),
    chapter("join", "results, and panics as values", join::run),
    chapter("scope", "goroutines that borrow", scope::run),
    chapter("yielding", "giving way", yielding::run),
    chapter("locals", "goroutine_local!", locals::run),
    chapter("names", "names and ids", names::run),
    chapter("ending", "abort, exit and join_timeout", ending::run),
    chapter("defer", "later, and in what order", defer::run),
    chapter("recover", "a panic that the program survives", recover::run),
    chapter("panics", "a chain of panics", panics::run),
    chapter("channels", "channels with and without a buffer", channels::run),
    chapter("states", "nil, open and closed channels", states::run),
    chapter("faces", "Chan, or Sender and Receiver", faces::run),
    chapter("pipeline", "goroutines in a row", pipeline::run),
    chapter("select", "whatever comes first", select::run),
    chapter("fairness", "by chance, or in order", fairness::run),
    chapter("cases", "cases that come and go", cases::run),
    chapter("dynamic", "cases of which nobody knows how many", dynamic::run),
    chapter("clocks", "after, tick and never", clocks::run),
    chapter("contexts", "ten workers, until they are told", contexts::run),
    chapter("causes", "deadlines, causes, values", causes::run),
    chapter("mutex", "one at a time", mutex::run),
    chapter("rw_lock", "many readers, or one writer", rw_lock::run),
    chapter("condvar", "until it has changed", condvar::run),
    chapter("semaphore", "so many at a time", semaphore::run),
    chapter("barrier", "all together", barrier::run),
    chapter("once", "the first one does it", once::run),
    chapter("err_group", "the first error", err_group::run),
    chapter("single_flight", "one call for all", single_flight::run),
    chapter("map", "shared without a lock", map::run),
    chapter("growth", "a map while it grows", growth::run),
    chapter("pool", "used again", pool::run),
    chapter("bounded", "few goroutines for many tasks", bounded::run),
    chapter("results", "out of a pool", results::run),
    chapter("parked", "100,000 goroutines that wait", parked::run),
    chapter("runtimes", "several runtimes, and plain threads", runtimes::run),
    chapter("blocking", "std calls that block", blocking::run),
    chapter("sleepers", "eight blocked threads beside a ticker", sleepers::run),
    chapter("hog", "a loop that never gives way", hog::run),
    chapter("timers", "sleep, Timer, Ticker, after_func, timeout", timers::run),
    chapter("virtual_time", "hours in no time, and schedules from a seed", virtual_time::run),
    chapter("sockets", "an echo server, deadlines, close", sockets::run),
    chapter("futures", "block_on, and a future by hand", futures::run),
    chapter("signals", "from the system to a channel", signals::run),
    chapter("slices", "windows on one array", slices::run),
    chapter("subsets", "overwritten, copied, forked", subsets::run),
    chapter("interfaces", "Dyn, assertions, type_switch!", interfaces::run),
    chapter("metrics", "the runtime in numbers", metrics::run),
    chapter("trace", "what the scheduler did, for Perfetto", trace::run),
    chapter("inside", "every goroutine, seen from outside", inside::run),
];

impl Chapter {
    fn show(&self) {
        println!("== {}: {}", self.name, self.title);
        (self.run)();
    }
}

#[rt::main]
fn main() -> ExitCode {
    examples::end_with_the_output();
    let arguments = examples::arguments();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names[..] {
        [] => {
            for (i, chapter) in CHAPTERS.iter().enumerate() {
                if i > 0 {
                    println!();
                }
                chapter.show();
            }
        }
        ["--help" | "-h"] => return examples::help(USAGE),
        ["--list"] => {
            for Chapter { name, title, .. } in CHAPTERS {
                println!("{name:<13}  {title}");
            }
        }
        [name] => match CHAPTERS.iter().find(|chapter| chapter.name == name) {
            Some(chapter) => chapter.show(),
            None => {
                eprintln!("tour: there is no chapter `{name}`; `--list` shows them");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
