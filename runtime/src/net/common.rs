//! What every kind of socket has, written once: settings, deadlines, conversions.
//!
//! `$setup` are the lines of an example that make one, called `socket`.

/// An example that runs: `$setup`, then `$lines`.
macro_rules! example {
    ($setup:literal, $lines:literal) => {
        concat!(
            "# Examples\n```\n# fn main() -> std::io::Result<()> {\n",
            $setup,
            $lines,
            "\n# Ok(())\n# }\n```"
        )
    };
}

/// Everything that needs no more than the file.
macro_rules! shared {
    ($name:ident, $std:ty, $setup:literal) => {
        impl $name {
            /// Another handle to the same socket, as std's: with a file of its own, so that closing or
            /// dropping one leaves the other as it is.
            ///
            /// The two share what the system keeps of the socket: its data, its options, whether a direction is
            /// shut down. Deadlines and timeouts are those of this handle now, and each handle's own from then on
            /// (std's timeouts are shared).
            ///
            /// # Errors
            /// When the process has no file left, or this one was closed.
            ///
            #[doc = example!($setup, "let other = socket.try_clone()?;\ndrop(socket);\nother.take_error()?;")]
            pub fn try_clone(&self) -> io::Result<Self> {
                self.0.share(self.0.io().try_clone()).map(Self)
            }

            /// Closes the socket, now: Go's `Close`. Never blocks.
            ///
            /// All who wait on this handle, and all later calls, fail with [`Closed`](crate::net::Closed).
            /// What the system has of the socket is released at once, its port for instance, unless a
            /// [clone](Self::try_clone) has it, too. Dropping the handle does the same, but nobody
            /// can wait on it then.
            ///
            /// Only the number of the file stays taken until the handle is dropped, so that somebody who is
            /// just using it cannot meet another file: until then [`as_fd`](AsFd::as_fd) stands
            /// for one with which nothing can be done.
            ///
            /// # Errors
            /// [`Closed`](crate::net::Closed) when it is closed already.
            ///
            #[doc = example!($setup, "socket.close()?;\nlet error = socket.take_error().unwrap_err();\nassert!(rt::net::Closed::is(&error));")]
            pub fn close(&self) -> io::Result<()> {
                self.0.close()
            }

            /// Std's socket, which blocks its thread again.
            ///
            /// Whether it blocks is shared with every [clone](Self::try_clone): one that is left
            /// behind would block its thread, too.
            ///
            /// # Errors
            /// When it was closed.
            ///
            #[doc = example!($setup, "let socket = socket.into_std()?;\nsocket.set_nonblocking(false)?;")]
            pub fn into_std(self) -> io::Result<$std> {
                self.0.into_std()
            }

            /// Std's switch: while it is on, calls that would have to wait fail with
            /// [`WouldBlock`](io::ErrorKind::WouldBlock), also those that wait now. It is this handle's own.
            ///
            /// A program with goroutines rarely wants it: a call that waits blocks no thread.
            ///
            /// # Errors
            /// When it was closed.
            ///
            #[doc = example!($setup, "socket.set_nonblocking(true)?;")]
            pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
                self.0.set_nonblocking(nonblocking)
            }

            /// The error that the system keeps for this socket, and forgets by this: `SO_ERROR`.
            ///
            /// # Errors
            /// When it was closed, or the system cannot tell.
            ///
            #[doc = example!($setup, "assert!(socket.take_error()?.is_none());")]
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.0.with(|io| io.take_error())
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.io().as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.0.io().as_raw_fd()
            }
        }

        /// Takes over a socket, which does not block any more, nor do its clones.
        impl From<$std> for $name {
            fn from(socket: $std) -> Self {
                Self(Socket::from_blocking(socket))
            }
        }

        /// As for std's types: the file must be a socket of this kind.
        impl From<OwnedFd> for $name {
            fn from(file: OwnedFd) -> Self {
                Self::from(<$std>::from(file))
            }
        }

        /// The file, which blocks again; as `into_std`, but without an error. That of a socket which was
        /// closed is one with which nothing can be done.
        impl From<$name> for OwnedFd {
            fn from(socket: $name) -> Self {
                socket.0.into_file()
            }
        }

        /// As std's: the caller closes it.
        impl IntoRawFd for $name {
            fn into_raw_fd(self) -> RawFd {
                OwnedFd::from(self).into_raw_fd()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // Std's prints addresses.
                f.debug_tuple(stringify!($name)).field(self.0.io()).finish()
            }
        }
    };
}

/// Timeouts and deadlines of both directions.
macro_rules! timed {
    ($name:ident, $setup:literal) => {
        impl $name {
            /// How long a read may wait, each anew: std's. `None`: for ever. One that has waited for so long fails
            /// with [`TimedOut`](io::ErrorKind::TimedOut) (std's: `WouldBlock`, on this system). A read that
            /// waits already is not affected, nor are those of [clones](Self::try_clone) (std's are).
            ///
            /// # Errors
            /// [`InvalidInput`](io::ErrorKind::InvalidInput) for zero, as std's; when it was closed.
            ///
            #[doc = example!($setup, "use std::time::Duration;\nsocket.set_read_timeout(Some(Duration::from_secs(5)))?;\nassert_eq!(socket.read_timeout()?, Some(Duration::from_secs(5)));")]
            pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.0.set_timeout(Dir::Read, timeout)
            }

            /// As [`set_read_timeout`](Self::set_read_timeout), for writes.
            ///
            /// # Errors
            /// The same.
            ///
            #[doc = example!($setup, "use std::time::Duration;\nassert!(socket.set_write_timeout(Some(Duration::ZERO)).is_err());")]
            pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.0.set_timeout(Dir::Write, timeout)
            }

            /// How long a read may wait.
            ///
            /// # Errors
            /// When it was closed.
            ///
            #[doc = example!($setup, "assert_eq!(socket.read_timeout()?, None);")]
            pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
                self.0.timeout(Dir::Read)
            }

            /// How long a write may wait.
            ///
            /// # Errors
            /// When it was closed.
            ///
            #[doc = example!($setup, "assert_eq!(socket.write_timeout()?, None);")]
            pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
                self.0.timeout(Dir::Write)
            }

            /// When reads end, all of them: Go's `SetReadDeadline`. A moment, not a duration; `None`: never.
            ///
            /// From then on reads fail with [`TimedOut`](io::ErrorKind::TimedOut), also if there is something to
            /// read, until the deadline is moved or taken away. Those that wait now are ended by it, too: a
            /// deadline in the past interrupts them.
            ///
            /// # Errors
            /// When it was closed.
            ///
            #[doc = example!($setup, "use std::io::ErrorKind;\nsocket.set_read_deadline(Some(rt::time::now()))?;\nlet error = socket.peek(&mut [0; 1]).unwrap_err();\nassert_eq!(error.kind(), ErrorKind::TimedOut);")]
            pub fn set_read_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&[Dir::Read], deadline)
            }

            /// As [`set_read_deadline`](Self::set_read_deadline), for writes: Go's `SetWriteDeadline`.
            ///
            /// # Errors
            /// The same.
            ///
            #[doc = example!($setup, "use std::time::Duration;\nsocket.set_write_deadline(Some(rt::time::now() + Duration::from_secs(5)))?;\nsocket.set_write_deadline(None)?;")]
            pub fn set_write_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&[Dir::Write], deadline)
            }

            /// For reads and writes: Go's `SetDeadline`.
            ///
            /// # Errors
            /// As for [`set_read_deadline`](Self::set_read_deadline).
            ///
            #[doc = example!($setup, "use std::time::Duration;\nsocket.set_deadline(Some(rt::time::now() + Duration::from_secs(5)))?;")]
            pub fn set_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&[Dir::Read, Dir::Write], deadline)
            }
        }
    };
}

/// The deadline of a listener.
macro_rules! accepts {
    ($name:ident, $setup:literal) => {
        impl $name {
            /// When accepting ends: Go's `SetDeadline` of listeners. A moment, not a duration; `None`: never.
            ///
            /// From then on [`accept`](Self::accept) fails with [`TimedOut`](io::ErrorKind::TimedOut), also if
            /// somebody has connected, until the deadline is moved or taken away. Those that wait now
            /// are ended by it, too.
            ///
            /// # Errors
            /// When it was closed.
            ///
            #[doc = example!($setup, "use std::io::ErrorKind;\nsocket.set_deadline(Some(rt::time::now()))?;\nassert_eq!(socket.accept().unwrap_err().kind(), ErrorKind::TimedOut);")]
            pub fn set_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&[Dir::Read, Dir::Write], deadline)
            }
        }
    };
}

/// Reads and writes that a context bounds.
macro_rules! bounded {
    ($name:ident, $std:ty, $setup:literal) => {
        impl $name {
            /// Reads until `ctx` is done at most: Go has a deadline that a context moves. If it is done already, nothing
            /// is read. [`within`](Self::within) is for what wants a [`Read`].
            ///
            /// # Errors
            /// As reading; a [`ContextError`](crate::context::ContextError), of the kind
            /// [`TimedOut`](io::ErrorKind::TimedOut) or `Other`.
            ///
            #[doc = example!($setup, "use rt::context::Context;\nlet (ctx, _cancel) = Context::background().with_deadline(rt::time::now());\nlet error = socket.read_ctx(&mut [0; 1], &ctx).unwrap_err();\nassert_eq!(error.kind(), std::io::ErrorKind::TimedOut);")]
            pub fn read_ctx(
                &self,
                buf: &mut [u8],
                ctx: &(impl Cancel + ?Sized),
            ) -> io::Result<usize> {
                Socket::<$std>::bounded(ctx, |until| match buf {
                    [] => self.0.nothing(Dir::Read),
                    buf => self.0.op_until(Dir::Read, until, |io| sys::receive(io.as_fd(), buf)),
                })
            }

            /// As [`read_ctx`](Self::read_ctx), for writes.
            ///
            /// # Errors
            /// The same.
            ///
            #[doc = example!($setup, "let ctx = rt::context::Context::background();\nassert_eq!(socket.write_ctx(&[7], &ctx)?, 1);")]
            pub fn write_ctx(&self, buf: &[u8], ctx: &(impl Cancel + ?Sized)) -> io::Result<usize> {
                Socket::<$std>::bounded(ctx, |until| {
                    if buf.is_empty() {
                        return self.0.nothing(Dir::Write);
                    }
                    self.0.op_until(Dir::Write, until, |io| sys::send(io.as_fd(), buf))
                })
            }

            /// The stream, with reads and writes that fail once `ctx` is done, also those that wait then.
            ///
            #[doc = example!($setup, "use rt::context::{Context, ContextError};\nuse std::io::{BufRead, BufReader};\nlet (ctx, cancel) = Context::background().with_cancel();\ncancel();\nlet mut lines = BufReader::new(socket.within(&ctx));\nlet error = lines.read_line(&mut String::new()).unwrap_err();\nassert_eq!(error.downcast::<ContextError>().unwrap(), ContextError::Canceled);")]
            pub fn within<'a, C: Cancel + ?Sized>(&'a self, ctx: &'a C) -> Within<'a, Self, C> {
                Within { stream: self, ctx }
            }
        }

        impl<C: Cancel + ?Sized> Read for Within<'_, $name, C> {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream.read_ctx(buf, self.ctx)
            }
        }

        impl<C: Cancel + ?Sized> Write for Within<'_, $name, C> {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.stream.write_ctx(buf, self.ctx)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    };
}

/// Datagrams that a context waits for.
macro_rules! datagrams {
    ($name:ident, $std:ty, $setup:literal) => {
        impl $name {
            /// As [`recv_from`](Self::recv_from), until `ctx` is done at most. If it is done already, nothing is received.
            ///
            /// # Errors
            /// The same; a [`ContextError`](crate::context::ContextError).
            ///
            #[doc = example!($setup, "use rt::context::Context;\nlet (ctx, _cancel) = Context::background().with_deadline(rt::time::now());\nlet error = socket.recv_from_ctx(&mut [0; 1], &ctx).unwrap_err();\nassert_eq!(error.kind(), std::io::ErrorKind::TimedOut);")]
            pub fn recv_from_ctx(
                &self,
                buf: &mut [u8],
                ctx: &(impl Cancel + ?Sized),
            ) -> io::Result<(usize, SocketAddr)> {
                Socket::<$std>::bounded(ctx, |until| {
                    self.0.op_until(Dir::Read, until, |io| self.receive_from(io, buf))
                })
            }

            /// As [`recv`](Self::recv), until `ctx` is done at most.
            ///
            /// # Errors
            /// The same; a [`ContextError`](crate::context::ContextError).
            ///
            #[doc = example!($setup, "let (ctx, cancel) = rt::context::Context::background().with_cancel();\ncancel();\nlet error = socket.recv_ctx(&mut [0; 1], &ctx).unwrap_err();\nassert_eq!(error.to_string(), \"context canceled\");")]
            pub fn recv_ctx(
                &self,
                buf: &mut [u8],
                ctx: &(impl Cancel + ?Sized),
            ) -> io::Result<usize> {
                Socket::<$std>::bounded(ctx, |until| {
                    self.0.op_until(Dir::Read, until, |io| self.receive(io, buf))
                })
            }

            /// As [`send`](Self::send), until `ctx` is done at most.
            ///
            /// # Errors
            /// The same; a [`ContextError`](crate::context::ContextError).
            ///
            #[doc = example!($setup, "let (ctx, cancel) = rt::context::Context::background().with_cancel();\ncancel();\nassert_eq!(socket.send_ctx(&[7], &ctx).unwrap_err().to_string(), \"context canceled\");")]
            pub fn send_ctx(&self, buf: &[u8], ctx: &(impl Cancel + ?Sized)) -> io::Result<usize> {
                Socket::<$std>::bounded(ctx, |until| {
                    self.0.op_until(Dir::Write, until, |io| io.send(buf))
                })
            }
        }
    };
}

pub(super) use {accepts, bounded, datagrams, example, shared, timed};
