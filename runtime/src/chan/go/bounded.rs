//! Waits of a `Chan` that end in time: after a while, at a deadline, with a context.

use super::{Chan, idle, not_sent};
use crate::chan::error::{RecvCtxError, RecvTimeoutError, SendCtxError, SendTimeoutError};
use crate::chan::gate::End;
use crate::chan::receiver::not_received;
use crate::util;
use crate::wait::{self, Cancel, Until, Why};
use std::time::{Duration, Instant};

impl<T> Chan<T> {
    /// Sends `value`; waits for at most `timeout`.
    ///
    /// # Errors
    /// `Timeout` gives the value back.
    ///
    /// # Panics
    /// "send on closed channel", also when it is closed while the call waits.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(0);
    /// let error = ch.send_timeout(7, std::time::Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout() && error.into_inner() == 7);
    /// ```
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        // Beyond the clock's range: for ever.
        self.send_until(value, util::now().checked_add(timeout).into())
    }

    /// Sends `value`; waits until `deadline` at most.
    ///
    /// # Errors
    /// `Timeout` gives the value back.
    ///
    /// # Panics
    /// "send on closed channel", also when it is closed while the call waits.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::new(1);
    /// let deadline = rt::time::now() + std::time::Duration::from_millis(1);
    /// assert!(ch.send_deadline(1, deadline).is_ok());
    /// assert_eq!(ch.send_deadline(2, deadline).unwrap_err().into_inner(), 2);
    /// ```
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, Some(deadline).into())
    }

    #[track_caller]
    fn send_until(&self, value: T, until: Until<'_>) -> Result<(), SendTimeoutError<T>> {
        let Some(core) = &self.core else {
            idle(Why::ChanSend, until);
            return Err(SendTimeoutError::Timeout(value));
        };
        match core.send(value, until) {
            Ok(()) => Ok(()),
            Err((End::TimedOut, value)) => Err(SendTimeoutError::Timeout(value)),
            Err((end, value)) => {
                drop(value);
                not_sent(end)
            }
        }
    }

    /// Receives a value; waits for at most `timeout`.
    ///
    /// # Errors
    /// When the time was up, or the channel is closed and empty.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::<u8>::new(0);
    /// assert!(ch.recv_timeout(std::time::Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(util::now().checked_add(timeout).into())
    }

    /// Receives a value; waits until `deadline` at most.
    ///
    /// # Errors
    /// When the time was up, or the channel is closed and empty.
    ///
    /// # Examples
    /// ```
    /// let ch = rt::chan::Chan::<u8>::new(0);
    /// let deadline = rt::time::now() + std::time::Duration::from_millis(1);
    /// assert!(ch.recv_deadline(deadline).unwrap_err().is_timeout());
    /// assert!(rt::time::now() >= deadline);
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(deadline).into())
    }

    fn recv_until(&self, until: Until<'_>) -> Result<T, RecvTimeoutError> {
        let Some(core) = &self.core else {
            idle(Why::ChanRecv, until);
            return Err(RecvTimeoutError::Timeout);
        };
        core.recv(until).map_err(|end| match end {
            End::Closed => RecvTimeoutError::Disconnected,
            End::Cancelled => wait::unwind(),
            _ => RecvTimeoutError::Timeout,
        })
    }

    /// Sends `value`; waits until `ctx` is done at most. If it is done already, nothing is sent.
    ///
    /// # Errors
    /// Why the context is done, with the value.
    ///
    /// # Panics
    /// "send on closed channel", also when it is closed while the call waits.
    ///
    /// # Examples
    /// ```
    /// let (ctx, cancel) = rt::context::Context::background().with_cancel();
    /// cancel();
    /// let error = rt::chan::Chan::new(0).send_ctx(7, &ctx).unwrap_err();
    /// assert_eq!((error.context_error(), error.into_inner()), (ctx.err(), 7));
    /// ```
    #[track_caller]
    pub fn send_ctx(&self, value: T, ctx: &(impl Cancel + ?Sized)) -> Result<(), SendCtxError<T>> {
        let sent = wait::bounded_with(ctx, value, |value, until| match &self.core {
            Some(core) => core.send(value, until),
            None => {
                idle(Why::ChanSend, until);
                Err((End::TimedOut, value))
            }
        });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err((End::TimedOut, value))) => {
                Err(SendCtxError::Cancelled(wait::ended(ctx), value))
            }
            Ok(Err((end, value))) => {
                drop(value);
                not_sent(end)
            }
            Err((error, value)) => Err(SendCtxError::Cancelled(error, value)),
        }
    }

    /// Receives a value; waits until `ctx` is done at most. If it is done already, nothing is received.
    ///
    /// # Errors
    /// Why the context is done, or `Disconnected` when the channel is closed and empty.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{Chan, RecvCtxError};
    /// use rt::context::{Context, ContextError};
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let ch = Chan::new(1);
    /// assert_eq!(ch.send_ctx('a', &ctx), Ok(()));
    /// assert_eq!(ch.recv_ctx(&ctx), Ok('a'));
    /// cancel();
    /// assert_eq!(ch.recv_ctx(&ctx), Err(RecvCtxError::Cancelled(ContextError::Canceled)));
    /// ```
    pub fn recv_ctx(&self, ctx: &(impl Cancel + ?Sized)) -> Result<T, RecvCtxError> {
        let received = wait::bounded(ctx, |until| match &self.core {
            Some(core) => core.recv(until),
            None => {
                idle(Why::ChanRecv, until);
                Err(End::TimedOut)
            }
        });
        received.map_err(RecvCtxError::Cancelled)?.map_err(|end| not_received(end, ctx))
    }
}
