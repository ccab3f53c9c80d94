//! Any Unix but Linux: the same calls with what POSIX has.
//!
//! No guards without splitting a mapping, no batches, no control groups.
//!
//! Invariants: those of the [parent](super).

use crate::prim::global::{AtomicU32, Ordering};

/// The number of CPUs worth running threads on.
pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// This thread's `errno`. Async-signal-safe, as is [`set_errno`].
pub(crate) fn errno() -> libc::c_int {
    // Reads a thread-local of libc's.
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Puts a saved `errno` back.
pub(crate) fn set_errno(value: libc::c_int) {
    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    use libc::___errno as place;
    #[cfg(any(target_os = "netbsd", target_os = "openbsd", target_os = "android"))]
    use libc::__errno as place;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "dragonfly"))]
    use libc::__error as place;
    // SAFETY: no arguments, and nothing but an address for an answer.
    let place = unsafe { place() };
    // SAFETY: always the calling thread's own variable.
    unsafe { *place = value };
}

/// Any number but 0: nobody asks for the state of a thread by it.
pub(crate) fn thread_id() -> u32 {
    1
}

/// Unknown.
pub(crate) fn thread_time(_tid: u32) -> Option<std::time::Duration> {
    None
}

/// Waits for the end of `thread`, destructors of thread-locals included, for as long as `left` says that there is time; without
/// one, for ever. `false`: it has not ended, and is left to end by itself. POSIX has no such call: another thread waits for it.
pub(crate) fn join_while(
    thread: std::thread::JoinHandle<()>,
    left: impl Fn() -> Option<std::time::Duration>,
) -> bool {
    let Some(time) = left() else {
        // One of ours does not panic; if it did, it said so.
        let _ = thread.join();
        return true;
    };
    let (tell, told) = std::sync::mpsc::channel();
    let waits = std::thread::Builder::new().name("rt-join".to_owned()).spawn(move || {
        let _ = thread.join();
        let _ = tell.send(());
    });
    waits.is_ok() && told.recv_timeout(time).is_ok()
}

/// Timed waits end as the system likes.
pub(crate) fn wake_on_time() {}

/// Turns are as long as the system likes.
pub(crate) fn take_short_turns(_turn: std::time::Duration) {}

/// There is no way to ask for a thread's state.
#[derive(Debug)]
pub(crate) struct ThreadState;

impl ThreadState {
    /// # Errors
    /// Always.
    pub(crate) fn open(_tid: u32) -> std::io::Result<Self> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// Never called.
    pub(crate) fn is_blocked(&self) -> Option<bool> {
        None
    }
}

/// There is none.
pub(crate) fn membarrier_register() -> bool {
    false
}

/// Never called.
pub(crate) fn membarrier() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

pub(super) mod mem {
    use std::io;
    use std::ptr::NonNull;

    use super::super::map::{self, Room, Span};

    /// Reserves `bytes` of address space: writable and zeroed.
    pub(crate) fn reserve(bytes: usize) -> io::Result<NonNull<u8>> {
        // OpenBSD insists on MAP_STACK for anything that serves as a stack.
        #[cfg(any(target_os = "openbsd", target_os = "netbsd"))]
        const FLAGS: libc::c_int = libc::MAP_STACK;
        #[cfg(not(any(target_os = "openbsd", target_os = "netbsd")))]
        const FLAGS: libc::c_int = 0;
        map::map(bytes, FLAGS)
    }

    /// Refuses every span: [`map::protect`] must do.
    ///
    /// # Safety
    /// Invariants 1 and 2 of [`sys`](super::super).
    pub(crate) unsafe fn guard(spans: &[Span], mut refused: impl FnMut(usize, io::Error)) {
        for index in 0..spans.len() {
            refused(index, io::ErrorKind::Unsupported.into());
        }
    }

    /// Tells the system that the contents of every span are not needed any more.
    ///
    /// # Safety
    /// Invariants 1 and 2 of [`sys`](super::super).
    pub(crate) unsafe fn discard(spans: &[Span]) {
        for span in spans {
            // SAFETY: sys invariants 1 and 2, promised by the caller.
            let _ = unsafe { libc::madvise(span.start(), span.len(), libc::MADV_FREE) };
        }
    }

    /// The same: guards have mappings of their own here, and stay.
    ///
    /// # Safety
    /// Invariants 1 and 2 of [`sys`](super::super).
    pub(crate) unsafe fn clear(spans: &[Span]) {
        // SAFETY: as the caller says.
        unsafe { discard(spans) };
    }

    /// Does nothing: the first touch will.
    ///
    /// # Safety
    /// Invariant 1 of [`sys`](super::super).
    pub(crate) unsafe fn populate(_spans: &[Span]) {}

    /// Not known here.
    pub(crate) fn first_in_memory(_: &Span) -> Option<usize> {
        None
    }

    /// Never.
    ///
    /// # Safety
    /// None is needed.
    pub(crate) unsafe fn discard_below_here(_: usize) -> bool {
        false
    }

    /// Never.
    pub(crate) fn guard_is_supported() -> bool {
        false
    }

    /// Not known here.
    pub(crate) fn used(_: Room) -> Option<usize> {
        None
    }

    /// Not known here.
    pub(crate) fn map_count_limit() -> Option<usize> {
        None
    }
}

/// Readiness: not known here yet.
pub(crate) mod epoll {
    use std::io;
    use std::os::fd::RawFd;
    use std::time::Duration;

    /// There is none.
    #[derive(Debug)]
    pub(crate) struct Epoll(std::convert::Infallible);

    /// What happened to one file.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Event {
        pub(crate) data: u64,
        pub(crate) readable: bool,
        pub(crate) writable: bool,
        pub(crate) lasting: bool,
    }

    /// What one call brought: nothing.
    #[derive(Debug)]
    pub(crate) struct Events;

    /// There is none.
    #[derive(Debug)]
    pub(crate) struct Bell(std::convert::Infallible);

    impl Epoll {
        pub(crate) fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn add(&self, _fd: RawFd, _data: u64) -> io::Result<()> {
            match self.0 {}
        }

        pub(crate) fn add_bell(&self, _bell: &Bell, _data: u64) -> io::Result<()> {
            match self.0 {}
        }

        pub(crate) fn remove(&self, _fd: RawFd) {
            match self.0 {}
        }

        pub(crate) fn wait(&self, _: &mut Events, _: Option<Duration>) -> io::Result<()> {
            match self.0 {}
        }

        pub(crate) fn look(&self, _: Option<Duration>) -> bool {
            match self.0 {}
        }
    }

    impl Events {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
            std::iter::empty()
        }
    }

    impl Bell {
        pub(crate) fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn ring(&self) {
            match self.0 {}
        }
    }
}

/// What std and socket2 do not do with sockets.
pub(crate) mod socket {
    use socket2::SockAddr;
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

    /// Where there is such a flag.
    #[cfg(not(target_vendor = "apple"))]
    pub(crate) const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
    #[cfg(target_vendor = "apple")]
    pub(crate) const NO_SIGNAL: libc::c_int = 0;

    /// Takes a connection; it does not block, and is not inherited.
    pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
        let (socket, address) = socket2::SockRef::from(&listener).accept()?;
        socket.set_nonblocking(true)?;
        Ok((socket.into(), address))
    }

    /// Receives what there is, as much as there is room for.
    pub(crate) fn receive(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the buffer with its own length.
        let n = unsafe { libc::recv(socket.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), 0) };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }

    /// Sends as much as the system takes.
    pub(crate) fn send(socket: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
        // SAFETY: the buffer with its own length.
        let n =
            unsafe { libc::send(socket.as_raw_fd(), buf.as_ptr().cast(), buf.len(), NO_SIGNAL) };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }

    /// Looks at what can be received, and leaves it there.
    pub(crate) fn peek(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the buffer with its own length.
        let n = unsafe {
            libc::recv(socket.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), libc::MSG_PEEK)
        };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }

    /// The system says so itself.
    pub(crate) fn reading_is_over(_socket: BorrowedFd<'_>) -> bool {
        false
    }

    /// The most connections that a listener keeps until they are accepted.
    pub(crate) fn max_backlog() -> libc::c_int {
        libc::SOMAXCONN
    }

    /// Not here: the caller shuts the socket down instead.
    pub(crate) fn vacate(_fd: BorrowedFd<'_>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Nothing to do.
    pub(crate) fn prepare_to_vacate() {}
}

/// What is loaded, with the tables by which its stacks are unwound: not known here.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) addresses: std::ops::Range<u64>,
    pub(crate) base: u64,
    pub(crate) eh_frame_hdr: (std::ops::Range<u64>, &'static [u8]),
    pub(crate) eh_frame: (std::ops::Range<u64>, &'static [u8]),
}

pub(crate) fn images() -> Vec<Image> {
    Vec::new()
}

/// Not here.
pub(crate) fn peek(_from: usize, _to: &mut [u8]) -> bool {
    false
}

/// The threads of this process: not known here.
pub(crate) fn threads() -> Option<Vec<u32>> {
    None
}

/// The system does not say.
pub(crate) fn thread_is_off(_tid: u32) -> bool {
    false
}

/// What the thread does, and where it waits in the kernel: not known here.
pub(crate) fn thread_look(_tid: u32) -> (Option<char>, Option<String>) {
    (None, None)
}
