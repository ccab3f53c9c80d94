//! `Ticker`.

use crate::chan::{self, Receiver};
use crate::util;
use std::time::{Duration, Instant};

/// A channel on which a value comes again and again, which can be stopped and moved. Go's `time.Ticker`.
///
/// Nothing runs while nobody receives, and nothing has to be stopped to be freed. A slow reader loses ticks:
/// those that passed while nobody received count as one, and the next comes when it would have
/// come anyway. Once `stop` or `reset` has returned, no tick of the old time is ever received.
///
/// For goroutines and plain threads alike. [`chan::tick`](crate::chan::tick) is the same for who never
/// stops it.
///
/// # Examples
/// ```
/// use rt::time::Ticker;
/// use std::time::Duration;
///
/// #[rt::main]
/// fn main() {
///     let ticker = Ticker::new(Duration::from_millis(1));
///     let mut last = ticker.chan().recv().unwrap();
///     for tick in ticker.chan().iter().take(3) {
///         assert!(tick > last);
///         last = tick;
///     }
///     ticker.stop();
/// }
/// ```
#[derive(Debug)]
pub struct Ticker(Receiver<Instant>);

impl Ticker {
    /// A ticker that ticks every `period`, for the first time in one `period`: the value is the time at
    /// which the tick was due. Beyond the clock's range: never. Go's `time.NewTicker`.
    ///
    /// # Panics
    /// When `period` is zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let ticker = rt::time::Ticker::new(Duration::from_millis(2));
    /// let ticks = [(); 2].map(|()| ticker.chan().recv().unwrap());
    /// assert!(ticks[1] - ticks[0] >= Duration::from_millis(2));
    /// ```
    #[track_caller]
    pub fn new(period: Duration) -> Self {
        assert!(!period.is_zero(), "non-positive interval for NewTicker");
        Self(chan::clock(util::now().checked_add(period), Some(period)))
    }

    /// No more ticks, until it is [`reset`](Self::reset). The channel is not closed: who receives waits. Does
    /// not block. Go's `Ticker.Stop`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let ticker = rt::time::Ticker::new(Duration::from_millis(1));
    /// ticker.stop();
    /// assert!(ticker.chan().recv_timeout(Duration::from_millis(5)).is_err());
    /// ```
    pub fn stop(&self) {
        self.0.halt_clock();
    }

    /// From now on it ticks every `period`, for the first time in one `period`. Does not block. Go's
    /// `Ticker.Reset`.
    ///
    /// # Panics
    /// When `period` is zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let ticker = rt::time::Ticker::new(Duration::from_secs(60));
    /// ticker.reset(Duration::from_millis(1));
    /// assert!(ticker.chan().recv().is_ok());
    /// ```
    #[track_caller]
    pub fn reset(&self, period: Duration) {
        assert!(!period.is_zero(), "non-positive interval for Ticker.Reset");
        self.0.set_clock(util::now().checked_add(period), Some(period));
    }

    /// Where the ticks come. Go's `Ticker.C`.
    ///
    /// A clone of it ticks on when the ticker is gone, and can then no longer be stopped.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let ticker = rt::time::Ticker::new(Duration::from_millis(1));
    /// rt::select! {
    ///     recv(ticker.chan()) -> tick => assert!(tick.is_ok()),
    ///     default(Duration::from_secs(60)) => unreachable!("no tick in a minute"),
    /// }
    /// ```
    pub fn chan(&self) -> &Receiver<Instant> {
        &self.0
    }
}
