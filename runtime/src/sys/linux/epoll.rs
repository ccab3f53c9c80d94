//! Readiness of many files: epoll, and an eventfd to interrupt who waits for it.
//!
//! Invariant: the kernel writes at most as many events as the buffer it is given has room for, and
//! they are what [`Events`] counts.

use crate::prim::global::{AtomicBool, Ordering};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Events taken in one call.
const ROOM: usize = 128;

const READABLE: u32 =
    (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLHUP | libc::EPOLLERR) as u32;
const WRITABLE: u32 = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;
/// What a read that got less than it had room for says nothing about: the end of the stream, an
/// error, a mark of urgent data at which it stopped.
const LASTING: u32 = (libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLHUP | libc::EPOLLERR) as u32;

/// A set of files that the kernel watches, edge-triggered.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

/// What happened to one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// What the file was added with.
    pub(crate) data: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The read side stays ready, whatever a short read says.
    pub(crate) lasting: bool,
}

/// What one call brought.
pub(crate) struct Events {
    room: [libc::epoll_event; ROOM],
    len: usize,
}

impl Epoll {
    /// # Errors
    /// When the process, or the system, has no file left.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: numbers alone go in and out.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        owned(fd).map(Self)
    }

    /// Watches both directions of `fd`. What is ready now is an event, too.
    ///
    /// # Errors
    /// As `epoll_ctl`; a file that is there already is none.
    pub(crate) fn add(&self, fd: RawFd, data: u64) -> io::Result<()> {
        const BOTH: i32 = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI;
        self.add_for(fd, (BOTH | libc::EPOLLET) as u32, data)
    }

    /// Watches `bell`: one event for any number of rings, to one of those who wait.
    ///
    /// # Errors
    /// As `epoll_ctl`.
    pub(crate) fn add_bell(&self, bell: &Bell, data: u64) -> io::Result<()> {
        self.add_for(bell.0.as_raw_fd(), (libc::EPOLLIN | libc::EPOLLET) as u32, data)
    }

    fn add_for(&self, fd: RawFd, events: u32, data: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: data };
        // SAFETY: the event lives over the call, which copies it.
        let rc =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) };
        match checked(rc) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            result => result.map(drop),
        }
    }

    /// Watches `fd` no more. No matter if it was not.
    pub(crate) fn remove(&self, fd: RawFd) {
        // SAFETY: numbers alone go in and out; for this the event is not looked at.
        let _ = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut())
        };
    }

    /// Waits for events, for at most `timeout`; a signal ends it early.
    ///
    /// # Errors
    /// As `epoll_wait`.
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.len = 0;
        match self.wait_by_nanos(events, timeout) {
            Some(result) => result,
            None => self.wait_by_millis(events, timeout),
        }
    }

    /// Waits until there is an event, for at most `timeout`, and leaves it there; a signal ends it early. Whether there is one.
    pub(crate) fn look(&self, timeout: Option<Duration>) -> bool {
        let mut file = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives over the call.
        unsafe { libc::poll(&raw mut file, 1, millis(timeout)) > 0 }
    }

    /// `None`: the kernel is older than the call, or a filter forbids it.
    fn wait_by_nanos(
        &self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> Option<io::Result<()>> {
        /// The kernel's own, of 64 bits everywhere.
        #[repr(C)]
        struct Timespec {
            sec: i64,
            nsec: i64,
        }
        static MISSING: AtomicBool = AtomicBool::new(false);
        if MISSING.load(Ordering::Relaxed) {
            return None;
        }
        let spec = timeout.map(|t| Timespec {
            sec: t.as_secs().try_into().unwrap_or(i64::MAX),
            nsec: t.subsec_nanos().into(),
        });
        let spec = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the buffer has room for so many events; the timespec lives over the call; there is
        // no signal mask.
        let rc = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.0.as_raw_fd(),
                events.room.as_mut_ptr(),
                ROOM,
                spec,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        // Whatever a filter says instead of "no such call". If it is not that, the other call says so, too.
        if rc < 0 && super::errno() != libc::EINTR {
            MISSING.store(true, Ordering::Relaxed);
            return None;
        }
        Some(events.filled(rc as libc::c_int))
    }

    fn wait_by_millis(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        // SAFETY: the buffer has room for so many events.
        let rc = unsafe {
            libc::epoll_wait(
                self.0.as_raw_fd(),
                events.room.as_mut_ptr(),
                ROOM as libc::c_int,
                millis(timeout),
            )
        };
        events.filled(rc)
    }
}

/// Rounds up: who waits for a moment shall not wake before it.
fn millis(timeout: Option<Duration>) -> libc::c_int {
    timeout.map_or(-1, |t| t.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(libc::c_int::MAX))
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { room: [libc::epoll_event { events: 0, u64: 0 }; ROOM], len: 0 }
    }

    fn filled(&mut self, rc: libc::c_int) -> io::Result<()> {
        match checked(rc) {
            Ok(len) => self.len = len as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.room[..self.len].iter().map(|event| {
            let (bits, data) = (event.events, event.u64);
            Event {
                data,
                readable: bits & READABLE != 0,
                writable: bits & WRITABLE != 0,
                lasting: bits & LASTING != 0,
            }
        })
    }
}

/// What interrupts who waits: an eventfd that is never read, only rung. Each ring is a new edge, and
/// its count has room for 2^64 of them.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    /// # Errors
    /// When the process, or the system, has no file left.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: numbers alone go in and out.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        owned(fd).map(Self)
    }

    pub(crate) fn ring(&self) {
        let one = 1_u64;
        // SAFETY: eight bytes, which live over the call.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }
}

/// The file that a call has just made.
pub(super) fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    let fd = checked(fd)?;
    // SAFETY: open, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn checked(rc: libc::c_int) -> io::Result<libc::c_int> {
    if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(rc) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn poll(epoll: &Epoll, timeout: Option<Duration>) -> Vec<Event> {
        let mut events = Events::new();
        epoll.wait(&mut events, timeout).unwrap();
        events.iter().collect()
    }

    #[test]
    fn an_edge_comes_once() {
        let epoll = Epoll::new().unwrap();
        let (a, mut b) = UnixStream::pair().unwrap();
        epoll.add(a.as_raw_fd(), 7).unwrap();
        epoll.add(a.as_raw_fd(), 7).unwrap();
        let first = poll(&epoll, Some(Duration::ZERO));
        assert!(matches!(first[..], [Event { data: 7, readable: false, writable: true, .. }]));
        assert!(poll(&epoll, Some(Duration::ZERO)).is_empty());
        b.write_all(b"x").unwrap();
        let second = poll(&epoll, None);
        assert!(matches!(second[..], [Event { data: 7, readable: true, lasting: false, .. }]));
        assert!(poll(&epoll, Some(Duration::ZERO)).is_empty());
        drop(b);
        assert!(matches!(poll(&epoll, None)[..], [Event { readable: true, lasting: true, .. }]));
        epoll.remove(a.as_raw_fd());
        epoll.remove(a.as_raw_fd());
    }

    #[test]
    fn both_ways_of_waiting_wait_and_end() {
        let epoll = Epoll::new().unwrap();
        let bell = Bell::new().unwrap();
        epoll.add_bell(&bell, 1).unwrap();
        let mut events = Events::new();
        let short = Duration::from_micros(1500);
        let start = std::time::Instant::now();
        if let Some(result) = epoll.wait_by_nanos(&mut events, Some(short)) {
            result.unwrap();
            assert!(start.elapsed() >= short);
        }
        let start = std::time::Instant::now();
        epoll.wait_by_millis(&mut events, Some(short)).unwrap();
        assert!(start.elapsed() >= short);
        assert_eq!(events.iter().count(), 0);
        bell.ring();
        bell.ring();
        epoll.wait_by_millis(&mut events, None).unwrap();
        assert_eq!(events.iter().map(|event| event.data).collect::<Vec<_>>(), [1]);
        epoll.wait_by_millis(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(events.len, 0);
    }
}
