//! What the integration tests share: a watchdog, children of the test's own process, counted drops.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::disallowed_types, reason = "a test watches from outside, with std's own locks")]

use std::any::Any;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// A test that takes longer than this hangs; `RT_TEST_LIMIT` has other seconds, for a slow machine.
fn patience() -> Duration {
    let asked = std::env::var("RT_TEST_LIMIT").ok().map(|text| text.parse().unwrap());
    Duration::from_secs(asked.unwrap_or(60))
}

/// Names the scenario that a child plays.
const CHILD: &str = "RT_TEST_CHILD";

static ALONE: RwLock<()> = RwLock::new(());
/// What the watchdog says about the test that it ends.
static NOTE: AtomicU64 = AtomicU64::new(0);

/// Ends the process when a test hangs.
pub(crate) struct Watchdog(Sender<()>);

impl Watchdog {
    pub(crate) fn new(what: &str) -> Self {
        let (tx, rx) = mpsc::channel();
        let what = what.to_owned();
        std::thread::spawn(move || {
            loop {
                match rx.recv_timeout(patience()) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            let note = NOTE.load(Ordering::Relaxed);
            eprintln!("watchdog: '{what}' hangs (seed or note: {note})");
            if std::env::var_os("RT_TEST_HANG_STAYS").is_some() {
                std::thread::sleep(Duration::from_secs(3600));
            }
            std::process::abort();
        });
        Self(tx)
    }

    /// The test has got on: it has its time again.
    pub(crate) fn pet(&self) {
        let _ = self.0.send(());
    }
}

/// What the watchdog will say if it has to: a seed, a step.
pub(crate) fn note(what: u64) {
    NOTE.store(what, Ordering::Relaxed);
}

/// A test that may run beside others.
pub(crate) struct Test {
    _beside: RwLockReadGuard<'static, ()>,
    pub(crate) dog: Watchdog,
}

/// A test that looks at the whole process.
pub(crate) struct Alone {
    _alone: RwLockWriteGuard<'static, ()>,
    pub(crate) dog: Watchdog,
}

/// Begins a test: with a watchdog, and not while one runs that is [`alone`].
#[track_caller]
pub(crate) fn test() -> Test {
    let beside = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    Test { _beside: beside, dog: Watchdog::new(&here()) }
}

/// Begins a test that runs while no other test of this binary does.
#[track_caller]
pub(crate) fn alone() -> Alone {
    let alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    Alone { _alone: alone, dog: Watchdog::new(&here()) }
}

#[track_caller]
fn here() -> String {
    std::panic::Location::caller().to_string()
}

/// A runtime that says nothing when a goroutine is ended by [`fail`].
pub(crate) fn runtime(procs: usize) -> rt::Runtime {
    builder(procs).build().unwrap()
}

/// What [`runtime`] is built with.
pub(crate) fn builder(procs: usize) -> rt::Builder {
    rt::Runtime::builder().procs(procs).panic_hook(true)
}

/// On one processor, on several, and on a plain thread.
pub(crate) fn everywhere(f: impl Fn() + Send + Sync) {
    for procs in [1, 2, 8] {
        runtime(procs).run(&f);
    }
    let runtime = runtime(2);
    let handle = runtime.handle();
    let _entered = handle.enter();
    f();
}

/// Of a channel with nothing in it: somebody waits to send.
pub(crate) fn until_a_sender_waits<T>(rx: &rt::chan::Receiver<T>) {
    let mut select = rt::chan::Select::new();
    select.recv(rx);
    eventually_resting("a sender waits", || select.try_ready().is_ok());
}

/// Of a channel without room: somebody waits to receive.
pub(crate) fn until_a_receiver_waits<T>(tx: &rt::chan::Sender<T>) {
    let mut select = rt::chan::Select::new();
    select.send(tx);
    eventually_resting("a receiver waits", || select.try_ready().is_ok());
}

/// Panics without a word.
pub(crate) fn fail(payload: impl Any + Send) -> ! {
    std::panic::resume_unwind(Box::new(payload))
}

/// Runs `f` and returns the text that it panicked with.
#[track_caller]
pub(crate) fn panic_text<T>(f: impl FnOnce() -> T) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => text_of(&*payload),
    }
}

/// The text of a payload.
#[track_caller]
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => panic!("the payload is no text"),
    }
}

/// Calls `f` until it says yes, for [`patience`] at most; on a plain thread.
#[track_caller]
pub(crate) fn eventually(what: &str, mut f: impl FnMut() -> bool) {
    let start = Instant::now();
    while !f() {
        assert!(start.elapsed() < patience(), "not in time: {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The same in a goroutine.
#[track_caller]
pub(crate) fn eventually_yielding(what: &str, mut f: impl FnMut() -> bool) {
    let start = Instant::now();
    while !f() {
        assert!(start.elapsed() < patience(), "not in time: {what}");
        rt::yield_now();
    }
}

/// The same, wherever it is called; the caller rests between two looks.
#[track_caller]
pub(crate) fn eventually_resting(what: &str, mut f: impl FnMut() -> bool) {
    let start = Instant::now();
    while !f() {
        assert!(start.elapsed() < patience(), "not in time: {what}");
        rt::time::sleep(Duration::from_micros(50));
    }
}

/// A goroutine, or a plain thread, that does its part in a test.
#[derive(Debug)]
pub(crate) enum Party<T> {
    Goroutine(rt::JoinHandle<T>),
    /// Closes the channel at its end, so that a goroutine can wait for that without its processor.
    Thread(std::thread::JoinHandle<T>, rt::chan::Chan<()>),
}

impl<T: Send + 'static> Party<T> {
    /// Begins `f`, in a goroutine of the current runtime or on a thread that knows of none.
    #[track_caller]
    pub(crate) fn new(on_thread: bool, f: impl FnOnce() -> T + Send + 'static) -> Self {
        if !on_thread {
            return Self::Goroutine(rt::spawn(f));
        }
        let ended = rt::chan::Chan::new(0);
        let at_end = ended.clone();
        let thread = std::thread::spawn(move || {
            let _close = OnDrop(|| at_end.close());
            f()
        });
        Self::Thread(thread, ended)
    }

    /// Waits for its end. What it panicked with goes on here.
    #[track_caller]
    pub(crate) fn join(self) -> T {
        match self {
            Self::Goroutine(handle) => handle.join().unwrap(),
            Self::Thread(handle, ended) => {
                ended.recv();
                handle.join().unwrap()
            }
        }
    }
}

/// Counts what was made and what was dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// Counts its drop; twice is a failure.
#[derive(Debug)]
pub(crate) struct Token {
    tally: Tally,
    alive: bool,
}

impl Tally {
    pub(crate) fn token(&self) -> Token {
        self.0.made.fetch_add(1, Ordering::SeqCst);
        Token { tally: self.clone(), alive: true }
    }

    pub(crate) fn made(&self) -> usize {
        self.0.made.load(Ordering::SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::SeqCst)
    }

    /// Everything made was dropped.
    #[track_caller]
    pub(crate) fn assert_all_dropped(&self) {
        assert_eq!(self.dropped(), self.made(), "dropped (left) of made (right)");
    }
}

/// Another one.
impl Clone for Token {
    fn clone(&self) -> Self {
        self.tally.token()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.alive {
            eprintln!("a token was dropped twice");
            std::process::abort();
        }
        self.alive = false;
        self.tally.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Does something when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The child's scenario is `name`.
pub(crate) fn is_child(name: &str) -> bool {
    std::env::var_os(CHILD).is_some_and(|value| value == name)
}

/// A child process that runs the test `name` of this binary, the caller's own, where [`is_child`] holds.
#[track_caller]
pub(crate) fn child(name: &str) -> Command {
    // The harness names each test's thread after it, unless it runs them one by one.
    if let Some(here) = std::thread::current().name()
        && here != "main"
    {
        assert_eq!(name, here, "a child (left) runs the test that starts it (right)");
    }
    let of = std::env::var_os(CHILD);
    assert_eq!(of, None, "a child has started {name}: it has not found out that it is one");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .env("RUST_BACKTRACE", "0")
        .env_remove("RT_PROCS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Plays `scenario` in a process of its own, where no other test's threads come and go.
#[track_caller]
pub(crate) fn apart(name: &str, scenario: impl FnOnce(&Watchdog)) {
    if is_child(name) {
        scenario(&Watchdog::new(name));
    } else {
        let _t = test();
        run(child(name)).assert_success();
    }
}

/// What a child left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a child; one that hangs is killed, and the test fails.
#[track_caller]
pub(crate) fn run(mut command: Command) -> Ended {
    use std::os::unix::process::ExitStatusExt as _;
    let child = command.spawn().unwrap();
    let pid = child.id();
    let (tx, rx) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let output: Output = child.wait_with_output().unwrap();
        let _ = tx.send(());
        output
    });
    let hangs = rx.recv_timeout(patience() - Duration::from_secs(10)).is_err();
    if hangs {
        // SAFETY: the child has not been waited for, so the number is still its own.
        unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
    }
    let output = reader.join().unwrap();
    let ended = Ended {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    assert!(!hangs, "the child hangs: {ended:#?}");
    assert!(!ended.stdout.starts_with("\nrunning 0 tests"), "no test has that name: {command:?}");
    ended
}

impl Ended {
    /// It ended by itself, with success.
    #[track_caller]
    pub(crate) fn assert_success(&self) {
        assert_eq!(self.code, Some(0), "{self:#?}");
    }

    /// Standard error has all of these.
    #[track_caller]
    pub(crate) fn assert_says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is missing: {self:#?}");
        }
    }
}

/// The threads of this process.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Those of them that are of a runtime, of any. The test harness starts and ends its own at any time.
pub(crate) fn runtime_threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("rt-"))
        .count()
}

/// The open files of this process, and its memory mappings.
pub(crate) fn files_and_mappings() -> (usize, usize) {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    (files, maps)
}

/// From now on the process gets `most` of it.
#[cfg(target_os = "linux")]
pub(crate) fn limit(resource: libc::__rlimit_resource_t, most: u64) {
    limit_for_now(resource, most, most);
}

/// It may be raised again, to `last`.
#[cfg(target_os = "linux")]
pub(crate) fn limit_for_now(resource: libc::__rlimit_resource_t, most: u64, last: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: last };
    // SAFETY: a valid limit.
    let rc = unsafe { libc::setrlimit(resource, &raw const limit) };
    assert_eq!(rc, 0, "{}", std::io::Error::last_os_error());
}

/// The address space that the process has now.
#[cfg(target_os = "linux")]
pub(crate) fn address_space() -> u64 {
    statm(0)
}

/// A number of pages that the system knows of the process, as bytes: mapped, resident ..
#[cfg(target_os = "linux")]
pub(crate) fn statm(column: usize) -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(column).unwrap().parse().unwrap();
    // SAFETY: reads a constant.
    pages * u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}

/// A small generator of pseudo-random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `n - 1`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Plays rounds of a stress test, each with a seed of its own, which is printed if the round fails.
/// `RT_STRESS_SEED` plays one again; `RT_STRESS_ROUNDS` says how many.
pub(crate) fn seeded(dog: &Watchdog, rounds: u64, mut round: impl FnMut(u64)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = number("RT_STRESS_ROUNDS").unwrap_or(rounds);
    let replayed = number("RT_STRESS_SEED");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut seeds = Rng::new(now.as_nanos() as u64);
    for _ in 0..rounds {
        let seed = replayed.unwrap_or_else(|| seeds.next());
        note(seed);
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| round(seed)));
        if let Err(payload) = played {
            eprintln!("replay with RT_STRESS_SEED={seed}");
            std::panic::resume_unwind(payload);
        }
        dog.pet();
    }
}

/// The one number without optimization, the other with it.
pub(crate) fn turns(debug: u64, release: u64) -> u64 {
    if cfg!(debug_assertions) { debug } else { release }
}
