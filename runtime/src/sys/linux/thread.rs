//! What the system knows of a thread.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;
use std::os::unix::thread::JoinHandleExt as _;
use std::thread::JoinHandle;
use std::time::Duration;

/// The calling thread, as the system numbers it; never 0.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: no arguments; it cannot fail.
    let tid = unsafe { libc::syscall(libc::SYS_gettid) };
    u32::try_from(tid).unwrap_or(0)
}

/// Has the calling thread's timed waits end when they are due. By default the kernel puts them off
/// by up to 50 microseconds, to wake several threads at once.
pub(crate) fn wake_on_time() {
    // SAFETY: numbers alone go in; it sets this thread's timer slack, in nanoseconds.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_usize, 0_usize, 0_usize, 0_usize) };
}

/// Has the system run the calling thread in turns of `turn`, if others' are longer. Its share of the processors stays what it is;
/// but who asks for a short turn has it earlier.
///
/// From Linux 6.12 on; elsewhere, or where it is forbidden, nothing changes. Threads and processes that the caller starts have it, too, as they have
/// what [`wake_on_time`] sets.
pub(crate) fn take_short_turns(turn: Duration) {
    let Some(mut attr) = turns() else { return };
    let usual = [libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&attr.sched_policy.cast_signed());
    let turn = turn.as_nanos() as u64;
    // A kernel that does not know of it says 0.
    if !usual || attr.sched_runtime <= turn {
        return;
    }
    attr.sched_runtime = turn;
    // SAFETY: attributes go in, with their own size.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) };
}

/// How the calling thread is scheduled.
fn turns() -> Option<libc::sched_attr> {
    const SIZE: libc::size_t = size_of::<libc::sched_attr>();
    let mut attr = MaybeUninit::<libc::sched_attr>::zeroed();
    // SAFETY: room for the attributes, with its own size.
    let rc = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, attr.as_mut_ptr(), SIZE, 0) };
    // SAFETY: numbers alone, which are zero where nothing was written.
    let attr = unsafe { attr.assume_init() };
    (rc == 0).then_some(attr)
}

/// Waits for the end of `thread`, destructors of thread-locals included, for as long as `left` says that there is time; without
/// one, for ever. `false`: it has not ended, and is left to end by itself. (std's `is_finished` does not ask about the
/// destructors, for which `join` waits.)
pub(crate) fn join_while(thread: JoinHandle<()>, left: impl Fn() -> Option<Duration>) -> bool {
    let Some(mut time) = left() else {
        // One of ours does not panic; if it did, it said so.
        let _ = thread.join();
        return true;
    };
    let id = thread.into_pthread_t() as libc::pthread_t;
    loop {
        // Where there is but the wall clock, which may be set meanwhile, no more than a second's change goes unnoticed: it is asked anew.
        // SAFETY: `id` is a thread's that nobody has joined or detached: we have its only handle.
        match unsafe { join_for(id, time.min(Duration::from_secs(1))) } {
            0 => return true,
            libc::ETIMEDOUT if !time.is_zero() => time = left().unwrap_or_default(),
            _ => {
                // SAFETY: as above: it was not joined.
                unsafe { libc::pthread_detach(id) };
                return false;
            }
        }
    }
}

/// Waits for the end of the thread `id`, for `time` at most; what the system returns. By the clock that nobody sets, from glibc 2.31 on; else by the wall
/// clock, for POSIX knows no other here: then a wait lasts for longer by as much as that is put back.
///
/// # Safety
/// Nobody has joined or detached the thread.
unsafe fn join_for(id: libc::pthread_t, time: Duration) -> libc::c_int {
    type Join = unsafe extern "C" fn(
        libc::pthread_t,
        *mut *mut libc::c_void,
        libc::clockid_t,
        *const libc::timespec,
    ) -> libc::c_int;
    const NAME: &std::ffi::CStr = c"pthread_clockjoin_np";
    // Of 32 bits there are two, with times of different sizes.
    let join = match cfg!(target_pointer_width = "64") {
        // SAFETY: a name, with its end.
        true => unsafe { libc::dlsym(libc::RTLD_DEFAULT, NAME.as_ptr()) },
        false => std::ptr::null_mut(),
    };
    if join.is_null() {
        let until = clock(libc::CLOCK_REALTIME, time);
        // SAFETY: as the caller says. The time is valid, and what the thread returned is not asked for.
        return unsafe { libc::pthread_timedjoin_np(id, std::ptr::null_mut(), &raw const until) };
    }
    // SAFETY: glibc's, of this type.
    let join = unsafe { std::mem::transmute::<*mut libc::c_void, Join>(join) };
    let until = clock(libc::CLOCK_MONOTONIC, time);
    // SAFETY: as above.
    unsafe { join(id, std::ptr::null_mut(), libc::CLOCK_MONOTONIC, &raw const until) }
}

/// What calls of POSIX that wait until some time are told, to wait for `time`.
fn clock(clock: libc::clockid_t, time: Duration) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes `now` alone; it has that clock.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    let now = Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec.cast_unsigned() as u32);
    let until = now + time;
    libc::timespec {
        tv_sec: until.as_secs().cast_signed() as libc::time_t,
        tv_nsec: until.subsec_nanos() as libc::c_long,
    }
}

/// How long the thread `tid` of this process has run. `None`: there is none.
pub(crate) fn thread_time(tid: u32) -> Option<Duration> {
    // As the kernel builds the number of a thread's clock: not tid, then "scheduler's view" (2) of "one
    // thread" (4).
    let clock = !(tid.cast_signed()) << 3 | 6;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes `time` alone.
    let rc = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (rc == 0)
        .then(|| Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned() as u32))
}

/// A view of a thread's state in `/proc`, kept open: a look costs a microsecond.
#[derive(Debug)]
pub(crate) struct ThreadState(File);

impl ThreadState {
    /// # Errors
    /// When there is no such thread, or no `/proc`, or no file descriptor left.
    pub(crate) fn open(tid: u32) -> io::Result<Self> {
        File::open(format!("/proc/self/task/{tid}/stat")).map(Self)
    }

    /// Whether the thread waits in the kernel: for an event, or for a device. `None`: unknown.
    pub(crate) fn is_blocked(&self) -> Option<bool> {
        let mut text = [0; 64];
        let len = self.0.read_at(&mut text, 0).ok()?;
        state(&text[..len]).map(|state| matches!(state, b'S' | b'D'))
    }
}

/// The threads of this process, as the system numbers them. `None`: it does not say.
pub(crate) fn threads() -> Option<Vec<u32>> {
    let entries = std::fs::read_dir("/proc/self/task").ok()?;
    entries.map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// What the thread `tid` does, as the system abbreviates it (R, S, D ..), and where it waits in the kernel: the
/// system call, if it is one of those in which programs wait, and the kernel's own function, if it tells.
pub(crate) fn thread_look(tid: u32) -> (Option<char>, Option<String>) {
    let read = |file: &str| std::fs::read(format!("/proc/self/task/{tid}/{file}")).ok();
    let state = read("stat").and_then(|text| state(&text)).map(char::from);
    let call = read("syscall").and_then(|text| system_call(&text));
    let place = read("wchan").and_then(|text| String::from_utf8(text).ok());
    let place = place.filter(|place| !place.is_empty() && place != "0");
    (state, call.map(str::to_owned).or(place))
}

/// Whether the thread `tid` was on no CPU a moment ago, and waited. The kernel takes the lock of the thread's CPU to say so, and
/// waits until the thread has left that: so what the thread has written is seen, and what the caller has written before will be when it goes on. `false`
/// also if the kernel does not say.
pub(crate) fn thread_is_off(tid: u32) -> bool {
    let text = std::fs::read(format!("/proc/self/task/{tid}/syscall")).unwrap_or_default();
    text.first().is_some_and(|&byte| byte == b'-' || byte.is_ascii_digit())
}

/// `NUMBER ARGUMENTS..`, or `running`.
fn system_call(text: &[u8]) -> Option<&'static str> {
    let number = text.split(|&byte| byte == b' ').next()?;
    let number: libc::c_long = std::str::from_utf8(number).ok()?.trim().parse().ok()?;
    const KNOWN: &[(libc::c_long, &str)] = &[
        (libc::SYS_read, "read"),
        (libc::SYS_write, "write"),
        (libc::SYS_readv, "readv"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_pread64, "pread64"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_pselect6, "pselect6"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_epoll_pwait2, "epoll_pwait2"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_sendmsg, "sendmsg"),
        (libc::SYS_accept, "accept"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_flock, "flock"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_select, "select"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll_wait"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_pause, "pause"),
    ];
    KNOWN.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// `tid (name) S ...`; a name may hold anything, and is at most 15 bytes long.
fn state(text: &[u8]) -> Option<u8> {
    let end = text.iter().rposition(|&byte| byte == b')')?;
    text.get(end + 2).copied()
}

#[cfg(test)]
mod tests {
    use super::{
        ThreadState, join_while, state, system_call, take_short_turns, thread_id, thread_time,
        threads, turns,
    };
    use std::cell::RefCell;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    /// Turns get shorter, and never longer; nothing else changes.
    #[test]
    fn a_thread_that_asks_for_short_turns_has_them() {
        let of_a_thread = |turns_to_take: &[u64]| {
            std::thread::scope(|s| {
                let thread = s.spawn(|| {
                    turns_to_take
                        .iter()
                        .for_each(|&us| take_short_turns(Duration::from_micros(us)));
                    let attr = turns().unwrap();
                    (attr.sched_runtime, attr.sched_policy, attr.sched_nice, attr.sched_flags)
                });
                thread.join().unwrap()
            })
        };
        let usual = of_a_thread(&[]);
        if usual.0 == 0 {
            println!("not checked: the kernel knows no turns");
            return;
        }
        let short = (300_000, usual.1, usual.2, usual.3);
        assert!(usual.0 > short.0, "the usual turns are shorter than those of the test");
        assert_eq!(of_a_thread(&[300]), short);
        assert_eq!(of_a_thread(&[300, 500]), short);
        assert_eq!(of_a_thread(&[500, 300]), short);
    }

    thread_local! {
        /// Waits at its end for as long as there is a sender.
        static WAITS: RefCell<Option<Waits>> = const { RefCell::new(None) };
    }

    struct Waits(mpsc::Receiver<()>);

    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.recv().unwrap_err();
        }
    }

    #[test]
    fn a_thread_that_does_not_end_is_waited_for_so_long() {
        let quick = || std::thread::spawn(|| ());
        assert!(join_while(quick(), || None));
        assert!(join_while(quick(), || Some(Duration::from_secs(60))));
        let (end, wait) = mpsc::channel();
        let slow = std::thread::spawn(|| WAITS.set(Some(Waits(wait))));
        while !slow.is_finished() {
            std::thread::yield_now();
        }
        let start = Instant::now();
        let limit = Duration::from_millis(20);
        assert!(!join_while(slow, || Some(limit.saturating_sub(start.elapsed()))));
        assert!(start.elapsed() >= limit);
        drop(end);
    }

    /// What one waits by is the clock that nobody sets: so says what the kernel shows of the call.
    #[cfg(all(target_pointer_width = "64", target_env = "gnu", not(feature = "sanitizer")))]
    #[test]
    fn a_thread_is_waited_for_by_the_clock_that_nobody_sets() {
        let (end, wait) = mpsc::channel();
        let slow = std::thread::spawn(|| WAITS.set(Some(Waits(wait))));
        while !slow.is_finished() {
            std::thread::yield_now();
        }
        let (tell, told) = mpsc::channel();
        let joins = std::thread::spawn(move || {
            tell.send(thread_id()).unwrap();
            join_while(slow, || Some(Duration::from_secs(600)))
        });
        let path = format!("/proc/self/task/{}/syscall", told.recv().unwrap());
        let flags = loop {
            // NUMBER ADDRESS OPERATION ..
            let text = std::fs::read_to_string(&path).unwrap();
            let mut words = text.split_whitespace();
            if words.next() == Some(&libc::SYS_futex.to_string()) {
                let operation = words.nth(1).unwrap().trim_start_matches("0x");
                let operation = libc::c_int::from_str_radix(operation, 16).unwrap();
                // The wait that has an end, and not one for a lock of the test's own.
                if operation & 0x7f == libc::FUTEX_WAIT_BITSET {
                    break operation;
                }
            }
            std::thread::yield_now();
        };
        assert_eq!(flags & libc::FUTEX_CLOCK_REALTIME, 0, "it waits by the wall clock");
        drop(end);
        assert!(joins.join().unwrap());
    }

    #[test]
    fn reads_the_state() {
        assert_eq!(state(b"12 (a b) S 1 2"), Some(b'S'));
        assert_eq!(state(b"12 (a) R b) R 1 2"), Some(b'R'));
        assert_eq!(state(b"12 (a"), None);
        assert_eq!(state(b"12 (a)"), None);
    }

    #[test]
    fn reads_system_calls() {
        let call = format!("{} 0x3 0x0", libc::SYS_read);
        assert_eq!(system_call(call.as_bytes()), Some("read"));
        assert_eq!(system_call(b"running\n"), None);
        assert_eq!(system_call(b"-1 0x0 0x0"), None);
        assert!(threads().unwrap().contains(&thread_id()));
    }

    #[test]
    fn a_thread_that_runs_has_run() {
        let before = thread_time(thread_id()).unwrap();
        while thread_time(thread_id()).unwrap() < before + Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        assert_eq!(thread_time(u32::MAX >> 4), None);
    }

    #[test]
    fn tells_a_thread_that_waits_from_one_that_runs() {
        let me = ThreadState::open(thread_id()).unwrap();
        assert_eq!(me.is_blocked(), Some(false));
        let (tx, rx) = std::sync::mpsc::channel();
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tx.send(thread_id()).unwrap();
            wait.recv().unwrap_err();
        });
        let other = ThreadState::open(rx.recv().unwrap()).unwrap();
        while other.is_blocked() != Some(true) {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(end);
        thread.join().unwrap();
        // Who joins is told a moment before it has left.
        while other.is_blocked().is_some() {
            std::thread::yield_now();
        }
        assert!(ThreadState::open(u32::MAX).is_err());
    }
}
