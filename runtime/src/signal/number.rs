//! `Signal`.

use crate::sys;
use std::fmt;

/// A signal of the operating system. Go's `os.Signal`.
///
/// # Examples
/// ```
/// use rt::signal::Signal;
///
/// assert_eq!(Signal::INTERRUPT.to_string(), "SIGINT");
/// assert_eq!(Signal::from_raw(Signal::TERMINATE.as_raw()), Some(Signal::TERMINATE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident = $raw:ident, $alias:literal;)*) => {
        impl Signal {
            $($(#[$doc])* #[doc(alias = $alias)] pub const $name: Self = Self(libc::$raw);)*
        }

        fn name(raw: i32) -> Option<&'static str> {
            match raw {
                $(libc::$raw => Some(stringify!($raw)),)*
                libc::SIGKILL => Some("SIGKILL"),
                libc::SIGSTOP => Some("SIGSTOP"),
                libc::SIGSEGV => Some("SIGSEGV"),
                libc::SIGBUS => Some("SIGBUS"),
                libc::SIGFPE => Some("SIGFPE"),
                libc::SIGILL => Some("SIGILL"),
                libc::SIGTRAP => Some("SIGTRAP"),
                libc::SIGSYS => Some("SIGSYS"),
                _ => None,
            }
        }
    };
}

signals! {
    /// SIGHUP: the terminal has gone; by custom, read the configuration again.
    HANGUP = SIGHUP, "SIGHUP";
    /// SIGINT: Ctrl-C.
    INTERRUPT = SIGINT, "SIGINT";
    /// SIGQUIT: Ctrl-\.
    QUIT = SIGQUIT, "SIGQUIT";
    /// SIGABRT: the program is to end in disorder. After the handler of one that it has sent itself by
    /// `abort`, it does.
    ABORT = SIGABRT, "SIGABRT";
    /// SIGUSR1: means what the program makes of it.
    USER1 = SIGUSR1, "SIGUSR1";
    /// SIGUSR2: means what the program makes of it.
    USER2 = SIGUSR2, "SIGUSR2";
    /// SIGPIPE: written to a pipe or socket that nobody reads. Rust programs ignore it from the start.
    PIPE = SIGPIPE, "SIGPIPE";
    /// SIGALRM: the time of `alarm` is up.
    ALARM = SIGALRM, "SIGALRM";
    /// SIGTERM: the program is asked to end.
    TERMINATE = SIGTERM, "SIGTERM";
    /// SIGCHLD: a child process has ended, or stopped.
    CHILD = SIGCHLD, "SIGCHLD";
    /// SIGCONT: the process goes on after it was stopped.
    CONTINUE = SIGCONT, "SIGCONT";
    /// SIGTSTP: Ctrl-Z.
    TERMINAL_STOP = SIGTSTP, "SIGTSTP";
    /// SIGTTIN: read from the terminal in the background.
    TERMINAL_INPUT = SIGTTIN, "SIGTTIN";
    /// SIGTTOU: written to the terminal in the background.
    TERMINAL_OUTPUT = SIGTTOU, "SIGTTOU";
    /// SIGURG: urgent data on a socket.
    URGENT = SIGURG, "SIGURG";
    /// SIGXCPU: the limit of processor time is reached.
    CPU_LIMIT = SIGXCPU, "SIGXCPU";
    /// SIGXFSZ: the limit of a file's size is reached.
    FILE_SIZE_LIMIT = SIGXFSZ, "SIGXFSZ";
    /// SIGVTALRM: a timer of the process's own time is up.
    VIRTUAL_ALARM = SIGVTALRM, "SIGVTALRM";
    /// SIGPROF: a profiler's timer is up.
    PROFILE = SIGPROF, "SIGPROF";
    /// SIGWINCH: the terminal's window has changed its size.
    WINDOW_CHANGE = SIGWINCH, "SIGWINCH";
    /// SIGIO: a file descriptor is ready.
    IO = SIGIO, "SIGIO";
}

impl Signal {
    /// The signal with the system's number `raw`, from 1 to 64. `None`: there can be none.
    ///
    /// # Examples
    /// ```
    /// use rt::signal::Signal;
    ///
    /// assert_eq!(Signal::from_raw(2), Some(Signal::INTERRUPT));
    /// assert_eq!(Signal::from_raw(0), None);
    /// ```
    pub const fn from_raw(raw: i32) -> Option<Self> {
        if raw >= 1 && raw <= sys::signal::LAST { Some(Self(raw)) } else { None }
    }

    /// The system's number.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(rt::signal::Signal::INTERRUPT.as_raw(), 2);
    /// ```
    pub const fn as_raw(self) -> i32 {
        self.0
    }

    /// A set of this one.
    pub(super) fn bit(self) -> u64 {
        1 << (self.0 - 1)
    }

    #[track_caller]
    pub(super) fn assert_may_be_caught(self) {
        match self.0 {
            libc::SIGKILL | libc::SIGSTOP => {
                panic!("rt::signal: {self} cannot be caught or ignored: the system forbids it")
            }
            libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL => panic!(
                "rt::signal: {self} cannot be caught or ignored here: it says that the program itself has \
                 gone wrong, and cannot go on"
            ),
            _ => {}
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(self.0) {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
