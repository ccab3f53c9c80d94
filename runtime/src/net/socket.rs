//! What all sockets share: a file of std's that never blocks, and a source that says when to try again.
//!
//! A call goes straight to the system if the socket may be ready. Only if that says "would block", or there
//! is a deadline to look at, does it take the slow way: list, park, try again. The protocol, and
//! why nobody sleeps beside data, is in `poller::side`.
//!
//! The file lives as long as the socket's owner: who calls borrows it, so nothing has to be counted. [`Socket::close`]
//! closes what is behind the file's number, and leaves the number itself taken until the drop, so that a call that comes
//! too late meets nothing, and not somebody else's file.
//!
//! Invariants:
//! 1. The file does not block the thread: it was made so when it came in.
//! 2. The source goes before the file (order of the fields): no poller is asked about a number that is free.

use super::Closed;
use crate::poller::{Dir, Seen, Side, Source};
use crate::sys::socket as sys;
use crate::util;
use crate::wait::{self, Cancel, Until, Why};
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// What ends so soon may be over before an event has been told: on a busy processor nobody looks for events for so long.
const SOON: Duration = Duration::from_millis(20);

/// A socket of std's kind `S`, and when it is ready.
#[derive(Debug)]
pub(super) struct Socket<S> {
    source: Source,
    io: S,
}

impl<S: AsFd> Socket<S> {
    /// `io` does not block (invariant 1).
    pub(super) fn new(io: S) -> Self {
        sys::prepare_to_vacate();
        Self { source: Source::new(io.as_fd().as_raw_fd()), io }
    }

    /// As [`new`](Self::new), for a file that may block. (That it cannot be told not to is not known of any
    /// socket.)
    pub(super) fn from_blocking(io: S) -> Self {
        let _ = SockRef::from(&io).set_nonblocking(true);
        Self::new(io)
    }

    pub(super) fn io(&self) -> &S {
        &self.io
    }

    /// The file, which blocks again.
    pub(super) fn into_std(self) -> io::Result<S> {
        self.check()?;
        let Self { source, io } = self;
        drop(source);
        SockRef::from(&io).set_nonblocking(false)?;
        Ok(io)
    }

    /// The file, which blocks again if that can be had; also of one that was closed, with which nothing can be done.
    pub(super) fn into_file(self) -> OwnedFd
    where
        S: Into<OwnedFd>,
    {
        let Self { source, io } = self;
        drop(source);
        let _ = SockRef::from(&io).set_nonblocking(false);
        io.into()
    }

    /// A socket of its own for `io`, another name of the same file, with the same deadlines and timeouts.
    pub(super) fn share(&self, io: io::Result<S>) -> io::Result<Self> {
        self.check()?;
        let other = Self::new(io?);
        other.source.copy(&self.source);
        other.source.relate(&self.source);
        Ok(other)
    }

    /// Does `call` as soon as it can be done.
    #[inline(always)]
    pub(super) fn op<T>(&self, dir: Dir, call: impl FnMut(&S) -> io::Result<T>) -> io::Result<T> {
        self.op_that(dir, call, |_| false)
    }

    /// The same; `drains` says of a result that the next call would find nothing.
    #[inline(always)]
    pub(super) fn op_that<T>(
        &self,
        dir: Dir,
        mut call: impl FnMut(&S) -> io::Result<T>,
        drains: impl Fn(&T) -> bool,
    ) -> io::Result<T> {
        let side = self.source.side(dir);
        let seen = side.seen();
        if seen.goes() {
            match call(&self.io) {
                Ok(value) => {
                    if drains(&value) {
                        side.drained(seen);
                    }
                    wait::checkpoint("after a socket call");
                    return Ok(value);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => side.spent(seen),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(explained(side, error)),
            }
        }
        self.op_slow(dir, Until::NEVER, call, drains)
    }

    /// The same, until `limit` is over at most.
    pub(super) fn op_until<T>(
        &self,
        dir: Dir,
        limit: Until<'_>,
        call: impl FnMut(&S) -> io::Result<T>,
    ) -> io::Result<T> {
        self.op_slow(dir, limit, call, |_| false)
    }

    #[inline(never)]
    fn op_slow<T>(
        &self,
        dir: Dir,
        limit: Until<'_>,
        mut call: impl FnMut(&S) -> io::Result<T>,
        drains: impl Fn(&T) -> bool,
    ) -> io::Result<T> {
        let side = self.source.side(dir);
        let why = if dir == Dir::Read { Why::NetRead } else { Why::NetWrite };
        let why = why.number(self.io.as_fd().as_raw_fd() as usize);
        wait::with(|slot| {
            self.source.enter(dir, slot, wait::wake, |waiting| {
                let mut until = None;
                loop {
                    let seen = side.seen();
                    if let Some(result) = look(side, seen, || call(&self.io), &drains) {
                        return result;
                    }
                    let begins = until.is_none() && !seen.is_ready();
                    // Counted from the moment at which it is clear that it must wait.
                    let until = *until.get_or_insert_with(|| limit.or_at(after(side.timeout())));
                    // It may be over before anybody gets to tell of what is there.
                    if begins
                        && until.or_at(side.deadline()).is_within(SOON)
                        && let Some(result) = look_anyway(side, || call(&self.io), &drains)
                    {
                        return result;
                    }
                    wait::with_poller(slot, |poller| self.source.register(poller))??;
                    if !waiting.list() {
                        continue;
                    }
                    while !waiting.is_released() {
                        let end = limit.or_at(side.deadline());
                        if end.is_over() {
                            return Err(ErrorKind::TimedOut.into());
                        }
                        let until = until.or_at(side.deadline());
                        if until.is_over() {
                            // Nor perhaps has anybody got to that by now.
                            return look_anyway(side, || call(&self.io), &drains)
                                .unwrap_or_else(|| Err(ErrorKind::TimedOut.into()));
                        }
                        wait::park_until(slot, why, until);
                    }
                }
            })
        })
    }

    /// What a read without room for a byte comes to, or a write without one: nobody waits for nothing. As in Go, a
    /// deadline is looked at for a write alone.
    #[cold]
    pub(super) fn nothing(&self, dir: Dir) -> io::Result<usize> {
        self.check()?;
        if dir == Dir::Write && wait::is_over(self.source.side(dir).deadline()) {
            return Err(ErrorKind::TimedOut.into());
        }
        wait::checkpoint("after a socket call");
        Ok(0)
    }

    /// Does `call`, a write for which there is no event that says when it can be done: it is tried again after a
    /// millisecond, and then after twice as long each time, up to a tenth of a second.
    pub(super) fn op_patiently<T>(
        &self,
        limit: Until<'_>,
        mut call: impl FnMut(&S) -> io::Result<T>,
    ) -> io::Result<T> {
        const LONGEST: Duration = Duration::from_millis(100);
        let side = self.source.side(Dir::Write);
        let until = after(side.timeout());
        let mut next = Duration::from_millis(1);
        loop {
            self.check()?;
            if wait::is_over(side.deadline()) {
                return Err(ErrorKind::TimedOut.into());
            }
            match call(&self.io) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.waits() => {
                    self.pause(next, limit.or_at(until))?;
                    next = LONGEST.min(2 * next);
                }
                result => {
                    wait::checkpoint("after a socket call");
                    return result.map_err(|error| explained(side, error));
                }
            }
        }
    }

    /// Does `op` with the end that `ctx` sets for its waits, and says so if that has come.
    pub(super) fn bounded<T>(
        ctx: &(impl Cancel + ?Sized),
        op: impl FnOnce(Until<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        match wait::bounded(ctx, op)? {
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                // Else it was the socket's own deadline, or the other end that was silent for too long.
                Err(ctx.err().map_or(error, io::Error::from))
            }
            result => result,
        }
    }

    /// Waits for `pause`, or until the socket is closed, its deadline passes or `limit` is over, upon which it
    /// fails. As a writer: of a listener there is none. What is known of the socket stays as it is.
    #[cold]
    pub(super) fn pause(&self, pause: Duration, limit: Until<'_>) -> io::Result<()> {
        let side = self.source.side(Dir::Write);
        let end = after(Some(pause));
        wait::with(|slot| {
            self.source.enter(Dir::Write, slot, wait::wake, |waiting| {
                loop {
                    let seen = side.seen();
                    if seen.is_closed() {
                        return Err(Closed.into());
                    }
                    if seen.is_direct() {
                        return Err(ErrorKind::WouldBlock.into());
                    }
                    if limit.or_at(side.deadline()).is_over() {
                        return Err(ErrorKind::TimedOut.into());
                    }
                    if wait::is_over(end) {
                        return Ok(());
                    }
                    if waiting.pause() {
                        let until = || limit.or_at(end).or_at(side.deadline());
                        let file = self.io.as_fd().as_raw_fd() as usize;
                        while !waiting.is_released() && !until().is_over() {
                            wait::park_until(slot, Why::NetRead.number(file), until());
                        }
                        waiting.leave();
                    }
                }
            })
        })
    }

    /// Whether calls may wait.
    pub(super) fn waits(&self) -> bool {
        !self.source.side(Dir::Read).seen().is_direct()
    }

    /// Std's `set_nonblocking`; the file itself never blocks.
    pub(super) fn set_nonblocking(&self, direct: bool) -> io::Result<()> {
        self.check()?;
        for dir in [Dir::Read, Dir::Write] {
            self.source.side(dir).set_direct(direct, wait::wake);
        }
        Ok(())
    }

    /// An error, if it was closed.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.source.side(Dir::Read).seen().is_closed() { Err(Closed.into()) } else { Ok(()) }
    }

    /// A call that does not wait.
    pub(super) fn with<T>(&self, call: impl FnOnce(&S) -> io::Result<T>) -> io::Result<T> {
        self.check()?;
        call(&self.io).map_err(|error| explained(self.source.side(Dir::Read), error))
    }

    pub(super) fn close(&self) -> io::Result<()> {
        if !self.source.close(wait::wake) {
            return Err(Closed.into());
        }
        // Without a file to put in its place, it is at least of no use to anybody.
        sys::vacate(self.io.as_fd())
            .or_else(|_| SockRef::from(&self.io).shutdown(Shutdown::Both))
            .or(Ok(()))
    }

    /// Ends one direction, or both, for all handles. Not everybody who waits hears of it from the system: so all look again.
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.with(|io| SockRef::from(io).shutdown(how))?;
        if how != Shutdown::Write {
            self.source.stir(Dir::Read, wait::wake);
        }
        if how != Shutdown::Read {
            self.source.stir(Dir::Write, wait::wake);
        }
        Ok(())
    }

    /// What a read of a datagram has come to. That there will be no more, after a shutdown, the system tells those alone who block in
    /// it: they get `end`, as from std; and who does not want to wait is told that it would.
    pub(super) fn or_end<T>(
        &self,
        result: io::Result<T>,
        end: impl FnOnce() -> T,
    ) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::WouldBlock && self.is_at_end() => Ok(end()),
            result => result,
        }
    }

    fn is_at_end(&self) -> bool {
        let seen = self.source.side(Dir::Read).seen();
        seen.is_lasting() && !seen.is_direct() && sys::reading_is_over(self.io.as_fd())
    }

    pub(super) fn set_deadline(&self, dirs: &[Dir], at: Option<Instant>) -> io::Result<()> {
        self.check()?;
        dirs.iter().for_each(|dir| self.source.side(*dir).set_deadline(at, wait::wake));
        Ok(())
    }

    pub(super) fn set_timeout(&self, dir: Dir, timeout: Option<Duration>) -> io::Result<()> {
        if timeout.is_some_and(|t| t.is_zero()) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        self.check()?;
        self.source.side(dir).set_timeout(timeout);
        Ok(())
    }

    pub(super) fn timeout(&self, dir: Dir) -> io::Result<Option<Duration>> {
        self.check()?;
        Ok(self.source.side(dir).timeout())
    }
}

/// Tries, unless it is closed or too late or not ready. `None`: it must wait.
#[inline]
fn look<T>(
    side: &Side,
    seen: Seen,
    call: impl FnOnce() -> io::Result<T>,
    drains: impl Fn(&T) -> bool,
) -> Option<io::Result<T>> {
    if seen.is_closed() {
        return Some(Err(Closed.into()));
    }
    if wait::is_over(side.deadline()) {
        return Some(Err(ErrorKind::TimedOut.into()));
    }
    if !seen.is_ready() && !seen.is_direct() {
        return None;
    }
    match call() {
        Ok(value) => {
            if drains(&value) {
                side.drained(seen);
            }
            Some(Ok(value))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            side.spent(seen);
            seen.is_direct().then_some(Err(error))
        }
        // Nothing was said: READY is as it was, and the caller looks again.
        Err(error) if error.kind() == ErrorKind::Interrupted => None,
        Err(error) => Some(Err(explained(side, error))),
    }
}

/// Tries, though nothing has been told. `None`: it must wait.
#[cold]
fn look_anyway<T>(
    side: &Side,
    mut call: impl FnMut() -> io::Result<T>,
    drains: impl Fn(&T) -> bool,
) -> Option<io::Result<T>> {
    loop {
        let seen = side.seen();
        match call() {
            Ok(value) => {
                if drains(&value) {
                    side.drained(seen);
                }
                return Some(Ok(value));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => return Some(Err(explained(side, error))),
        }
    }
}

/// A call that came while the socket was closed failed because of that, whatever it says.
#[cold]
fn explained(side: &Side, error: io::Error) -> io::Error {
    if side.seen().is_closed() { Closed.into() } else { error }
}

/// So long from now; `None`: for ever.
fn after(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| util::now().checked_add(timeout))
}
