//! `SingleFlight`: several ask the same, one does it for all.
//!
//! The calls that are on their way are in a [`Map`]. Who finds none there for its key puts one in and
//! *leads* it: runs the function. Who finds one *joins* it, and waits.
//!
//! Invariants:
//! 1. The leader's way out is, always in this order: look whether anybody has joined, leave the
//!    outcome for them (if there are some, and it is one), take the entry out of the map, release who
//!    waits. The last two are destructors.
//! 2. Who joins counts itself before it waits. If the leader saw that, there is an outcome when the
//!    wait ends; unless the leader was cut short. Else there may be none, and the call is out of the
//!    map: who joined begins again, and runs its own function if nobody is quicker.
//! 3. Who is cancelled while it waits takes itself out of the count.
//! 4. An entry is in the map only while there is a [`Lead`] of it, which was made before: to put it in may run destructors of
//!    other keys, and unwind when it is there already.

use super::map::{Entry, Map};
use super::waitgroup::WaitGroup;
use crate::g::Unwind;
use crate::panic;
use crate::prim::global::{AtomicUsize, Ordering};
use crate::util;
use crate::wait::{self, Cancel, ContextError, Until};
use std::any::Any;
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::Hash;
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};

/// Runs a function once for all who ask for the same key at the same time, and gives each of
/// them the result. Go's `singleflight.Group`.
///
/// It keeps nothing: when the function has returned, the next who asks runs it again. Put it in front
/// of a cache, so that a missing entry is fetched once, not by everybody who misses it.
///
/// A result that may fail is a `Result` whose error can be cloned: `SingleFlight<K, Result<T, Arc<E>>>`.
///
/// # Examples
/// ```
/// use rt::sync::SingleFlight;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static FETCHES: SingleFlight<&str, String> = SingleFlight::new();
/// static FETCHED: AtomicU32 = AtomicU32::new(0);
///
/// fn fetch() -> String {
///     FETCHED.fetch_add(1, Ordering::Relaxed);
///     rt::time::sleep(std::time::Duration::from_millis(20));
///     "contents".to_owned()
/// }
///
/// #[rt::main]
/// fn main() {
///     rt::scope(|s| {
///         for _ in 0..10 {
///             s.spawn(|| assert_eq!(FETCHES.run("/index.html", fetch).0, "contents"));
///         }
///     });
///     // Once, unless one of them was late by 20 ms.
///     println!("{} fetches for 10 readers", FETCHED.load(Ordering::Relaxed));
/// }
/// ```
pub struct SingleFlight<K, V> {
    calls: Map<K, Call<V>>,
}

struct Call<V> {
    /// How many wait for it, or are about to. It orders nothing: Relaxed.
    joined: AtomicUsize,
    outcome: OnceLock<Result<V, Message>>,
    /// One, until the leader is out.
    running: WaitGroup,
}

/// What the function panicked with, for those who did not run it.
type Message = Cow<'static, str>;

impl<V> Call<V> {
    fn new() -> Self {
        let running = WaitGroup::new();
        running.add(1);
        Self { joined: AtomicUsize::new(0), outcome: OnceLock::new(), running }
    }

    fn join(&self) -> Joined<'_, V> {
        self.joined.fetch_add(1, Ordering::Relaxed);
        Joined(self)
    }

    /// Leaves the outcome for those who joined.
    fn settle(&self, outcome: Result<V, Message>) {
        // The leader alone gets here, once.
        let _ = self.outcome.set(outcome);
    }
}

/// One who waits for a call.
struct Joined<'a, V>(&'a Call<V>);

impl<V> Drop for Joined<'_, V> {
    fn drop(&mut self) {
        self.0.joined.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Invariants 1 and 4: the fields are dropped in this order, whatever panics.
struct Lead<'a, K: Hash + Eq, V> {
    listed: Listed<'a, K, V>,
    _running: Running<'a, V>,
}

impl<'a, K: Hash + Eq, V> Lead<'a, K, V> {
    fn new(calls: &'a Map<K, Call<V>>, hash: u64, entry: &'a Arc<Entry<K, Call<V>>>) -> Self {
        Self { listed: Listed { calls, hash, entry }, _running: Running(&entry.value) }
    }
}

struct Listed<'a, K: Hash + Eq, V> {
    calls: &'a Map<K, Call<V>>,
    hash: u64,
    entry: &'a Arc<Entry<K, Call<V>>>,
}

impl<K: Hash + Eq, V> Drop for Listed<'_, K, V> {
    fn drop(&mut self) {
        self.calls.remove_entry(self.hash, self.entry);
    }
}

struct Running<'a, V>(&'a Call<V>);

impl<V> Drop for Running<'_, V> {
    fn drop(&mut self) {
        self.0.running.done();
    }
}

impl<K, V> SingleFlight<K, V> {
    /// Nothing is running.
    pub const fn new() -> Self {
        Self { calls: Map::new() }
    }
}

impl<K: Hash + Eq, V: Clone> SingleFlight<K, V> {
    /// Runs `f` and returns what it returns, on the caller's own stack; or, if somebody runs a
    /// function for `key` already, waits for that and returns a clone of its result, without having
    /// called `f`. Go's `Do`.
    ///
    /// The second part is `true` if the result went to more than one caller. Waiting blocks the
    /// goroutine that calls, or the thread; who is cancelled while it waits is forgotten. If the
    /// goroutine that runs the function is aborted or [exits](crate::task::exit), one of those who
    /// wait runs its own. A function that runs the same key waits for itself, for ever.
    ///
    /// # Panics
    /// If the function panics, so does every caller: the one that ran it goes on with its panic; the
    /// others, without a further word from the panic hook, with the same text, or with
    /// "SingleFlight: the function panicked" where the payload is no text.
    ///
    /// # Examples
    /// ```
    /// let calls = rt::sync::SingleFlight::new();
    /// assert_eq!(calls.run("key", || 7), (7, false));
    /// assert_eq!(calls.run("key", || 8), (8, false), "the first is over: nothing is kept");
    /// ```
    pub fn run(&self, key: K, f: impl FnOnce() -> V) -> (V, bool) {
        match self.run_until(key, Until::NEVER, f) {
            Some(result) => result,
            None => util::bug(format_args!("a wait without an end was over")),
        }
    }

    /// `None`: `until` was over first.
    fn run_until(&self, key: K, until: Until<'_>, f: impl FnOnce() -> V) -> Option<(V, bool)> {
        let hash = self.calls.hash(&key);
        if let Some(there) = self.calls.find(hash, &key)
            && let Some(value) = Self::join(&there.value, until)?
        {
            return Some((value, true));
        }
        let new = Entry::new(key, Call::new());
        let lead = Lead::new(&self.calls, hash, &new);
        loop {
            match self.calls.add(hash, &new) {
                Ok(()) => return Some(Self::lead(lead, f)),
                Err(there) => {
                    if let Some(value) = Self::join(&there.value, until)? {
                        return Some((value, true));
                    }
                }
            }
        }
    }

    /// As [`run`](Self::run), but waits for somebody else's call until `ctx` is done at most. A function that the
    /// caller runs itself is not ended by it: let that look at the context, too. In Go: `DoChan`, with a `select`.
    ///
    /// # Errors
    /// Why the context is done; if it is done already, nothing is run.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    ///
    /// # Examples
    /// ```
    /// use rt::context::{Context, ContextError};
    /// let flights = rt::sync::SingleFlight::new();
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert_eq!(flights.run_ctx("a", &ctx, || 1), Ok((1, false)));
    /// cancel();
    /// assert_eq!(flights.run_ctx("a", &ctx, || 1), Err(ContextError::Canceled));
    /// ```
    pub fn run_ctx(
        &self,
        key: K,
        ctx: &(impl Cancel + ?Sized),
        f: impl FnOnce() -> V,
    ) -> Result<(V, bool), ContextError> {
        wait::bounded(ctx, |until| self.run_until(key, until, f))?.ok_or_else(|| wait::ended(ctx))
    }

    /// From now on, who asks for `key` starts anew; who waits already gets the result of the call
    /// that runs. Go's `Forget`.
    ///
    /// # Examples
    /// ```
    /// let flights = rt::sync::SingleFlight::<_, u32>::new();
    /// let outer = flights.run("a", || {
    ///     // Without this, it would wait for itself.
    ///     flights.forget("a");
    ///     flights.run("a", || 1).0 + 1
    /// });
    /// assert_eq!(outer, (2, false));
    /// ```
    pub fn forget<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.calls.delete(key);
    }

    fn lead(lead: Lead<'_, K, V>, f: impl FnOnce() -> V) -> (V, bool) {
        let call = &lead.listed.entry.value;
        let result = panic::caught(f);
        let shared = call.joined.load(Ordering::Relaxed) > 0;
        match result {
            Ok(value) if shared => {
                call.settle(Ok(value));
                // Nobody waits for our clone.
                drop(lead);
                match call.outcome.get() {
                    Some(Ok(value)) => (value.clone(), true),
                    _ => util::bug(format_args!("SingleFlight: the value is gone")),
                }
            }
            Ok(value) => (value, false),
            Err(payload) => {
                if shared && !payload.is::<Unwind>() {
                    call.settle(Err(message(&*payload)));
                }
                drop(lead);
                resume_unwind(payload)
            }
        }
    }

    /// Waits for somebody else's call. `None`: `until` was over first. `Some(None)`: the call has no outcome,
    /// and is out of the map.
    fn join(call: &Call<V>, until: Until<'_>) -> Option<Option<V>> {
        let _joined = call.join();
        if !call.running.wait_until(until) {
            return None;
        }
        let Some(outcome) = call.outcome.get() else { return Some(None) };
        match outcome {
            Ok(value) => Some(Some(value.clone())),
            // The hook has reported it where it happened.
            Err(Message::Borrowed(text)) => resume_unwind(Box::new(*text)),
            Err(Message::Owned(text)) => resume_unwind(Box::new(text.clone())),
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> Message {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => Message::Borrowed(text),
        None => match panic::message(payload) {
            Some(text) => Message::Owned(text.to_owned()),
            None => Message::Borrowed("SingleFlight: the function panicked"),
        },
    }
}

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").field("running", &self.calls.len()).finish()
    }
}
