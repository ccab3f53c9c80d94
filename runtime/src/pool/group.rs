//! Tasks that belong together: their results in order, and the first thing that went wrong.
//!
//! Invariants:
//! 1. A member has an entry in `entries` from before it is submitted, and counts in `members` until it has
//!    filled it, or is dropped. One that lies in the pool's queue has its place there in its entry; or if the group fails
//!    before, who has submitted it takes it out.
//! 2. Closures, values, errors and payloads are run and dropped without the lock.

use super::error::SubmitError;
use super::job::{Call, Job};
use super::target::Target;
use super::task::Place;
use crate::g::Unwind;
use crate::panic::{self, caught};
use crate::prim::Mutex;
use crate::prim::global::{AtomicBool, Ordering};
use crate::sync::WaitGroup;
use crate::wait;
use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

/// Tasks of a pool that may fail, and are waited for together; see [`Pool::group`](super::Pool::group).
///
/// [`wait`](Self::wait) gives their results in the order in which they were submitted. The first error ends it
/// for those that have not begun: they are dropped, and leave the queue. Those that run go on. Dropping the group detaches its tasks.
///
/// # Examples
/// ```
/// use rt::pool::Pool;
///
/// #[rt::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = Pool::new(4)?;
///     let group = pool.group();
///     for text in ["1", "2", "3"] {
///         group.submit(move || text.parse::<u32>())?;
///     }
///     assert_eq!(group.wait()?, [1, 2, 3]);
///
///     let group = pool.group();
///     for text in ["1", "two", "3"] {
///         group.submit(move || text.parse::<u32>())?;
///     }
///     assert_eq!(group.wait().unwrap_err().to_string(), "invalid digit found in string");
///     Ok(())
/// }
/// ```
#[must_use = "its tasks' results are what it is for: wait"]
pub struct Group<T, E> {
    target: Target,
    shared: Arc<Shared<T, E>>,
}

// As a `Pool`.
impl<T, E> std::panic::UnwindSafe for Group<T, E> {}
impl<T, E> std::panic::RefUnwindSafe for Group<T, E> {}

struct Shared<T, E> {
    members: WaitGroup,
    /// A hint that there is a failure.
    failed: AtomicBool,
    room: Mutex<Room<T, E>>,
}

struct Room<T, E> {
    entries: Vec<Entry<T>>,
    failure: Option<Failure<E>>,
}

enum Entry<T> {
    /// Where it lies in the queue, if it does, and it is known.
    Pending(Option<Place>),
    Value(T),
    /// It was not accepted.
    Void,
}

enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

impl<T: Send + 'static, E: Send + 'static> Group<T, E> {
    pub(super) fn new(target: Target) -> Self {
        let room = Room { entries: Vec::new(), failure: None };
        let shared = Shared {
            members: WaitGroup::new(),
            failed: AtomicBool::new(false),
            room: Mutex::new(room),
        };
        Self { target, shared: Arc::new(shared) }
    }

    /// Runs `f` in the pool, as a member of the group. Waits as [`Pool::submit`](super::Pool::submit) does.
    ///
    /// After a failure `f` is dropped: it is one more that has not begun.
    ///
    /// # Errors
    /// As [`Pool::submit`](super::Pool::submit), with `f`. It is no member then.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(2).unwrap();
    ///     let group = pool.group();
    ///     group.submit(|| Ok::<_, String>(7)).unwrap();
    ///     pool.release();
    ///     assert!(group.submit(|| Ok(8)).unwrap_err().is_closed());
    ///     assert_eq!(group.wait(), Ok(vec![7]));
    /// }
    /// ```
    pub fn submit<F>(&self, f: F) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        if self.shared.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let place = {
            let entries = &mut self.shared.room.lock().entries;
            entries.push(Entry::Pending(None));
            entries.len() - 1
        };
        self.shared.members.add(1);
        let member = Member { f: Some(f), place, shared: Arc::clone(&self.shared) };
        let job = Job::of(member);
        let error = match self.target.put(job) {
            Ok(queued) => {
                if let Some(queued) = queued {
                    self.shared.lies_at(place, queued);
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let mut f = None;
        let error = error.map(|job| {
            let mut member = job.into_call::<Member<F, T, E>>();
            self.shared.room.lock().entries[member.place] = Entry::Void;
            f = member.f.take();
        });
        match f {
            Some(f) => Err(error.map(|()| f)),
            None => Ok(()),
        }
    }

    /// Waits until every member has ended or was dropped, and returns what they returned, in the order in which
    /// they were submitted. Blocks the goroutine that calls, or the thread.
    ///
    /// # Errors
    /// The first that a member returned; others are dropped.
    ///
    /// # Panics
    /// With what a member panicked with, the first if there are several, errors or no errors. And when a
    /// member was cut short: it [exited](crate::task::exit), its runtime stopped, or there was no stack for it.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let pool = rt::pool::Pool::new(2).unwrap();
    ///     let group = pool.group();
    ///     group.submit(|| Ok(7)).unwrap();
    ///     group.submit(|| Err("no")).unwrap();
    ///     assert_eq!(group.wait(), Err("no"));
    /// }
    /// ```
    pub fn wait(self) -> Result<Vec<T>, E> {
        self.shared.members.wait();
        let (entries, failure) = {
            let mut room = self.shared.room.lock();
            (std::mem::take(&mut room.entries), room.failure.take())
        };
        match failure {
            Some(Failure::Panic(payload)) => resume_unwind(payload),
            Some(Failure::Error(error)) => return Err(error),
            None => {}
        }
        let mut values = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Value(value) => values.push(value),
                Entry::Void => {}
                Entry::Pending(_) => {
                    // Perhaps that was because the caller is to end, too.
                    wait::with(|slot| {
                        if slot.has_stack() {
                            wait::raise_if_cancelled(slot);
                        }
                    });
                    panic!("a task of the group was cut short")
                }
            }
        }
        Ok(values)
    }
}

/// One of the group, until it is dropped.
struct Member<F, T, E> {
    f: Option<F>,
    place: usize,
    shared: Arc<Shared<T, E>>,
}

impl<F, T, E> Call for Member<F, T, E>
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn call(mut self) {
        let Some(f) = self.f.take() else { return };
        if self.shared.failed.load(Ordering::Relaxed) {
            return;
        }
        match caught(f) {
            Ok(Ok(value)) => {
                self.shared.room.lock().entries[self.place] = Entry::Value(value);
            }
            Ok(Err(error)) => self.shared.fail(Failure::Error(error)),
            // Cut short: the entry says so.
            Err(payload) if payload.is::<Unwind>() => {}
            Err(payload) => {
                panic::report(&*payload);
                self.shared.fail(Failure::Panic(payload));
            }
        }
    }
}

impl<F, T, E> Drop for Member<F, T, E> {
    fn drop(&mut self) {
        // The closure first: whoever waits finds it gone.
        let done = Done(&self.shared.members);
        drop(self.f.take());
        drop(done);
    }
}

struct Done<'a>(&'a WaitGroup);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl<T, E> Shared<T, E> {
    /// The member was put into the queue.
    fn lies_at(&self, member: usize, place: Place) {
        {
            let mut room = self.room.lock();
            if room.failure.is_none() {
                if let Entry::Pending(known) = &mut room.entries[member] {
                    *known = Some(place);
                }
                return;
            }
        }
        place.vacate();
    }

    fn fail(&self, failure: Failure<E>) {
        self.failed.store(true, Ordering::Relaxed);
        let (superfluous, queued) = {
            let room = &mut *self.room.lock();
            let queued: Vec<_> = match room.failure {
                None => room.entries.iter_mut().filter_map(Entry::take_place).collect(),
                Some(_) => Vec::new(),
            };
            let superfluous = match (&room.failure, &failure) {
                // A panic is what `wait` must not keep to itself.
                (None, _) | (Some(Failure::Error(_)), Failure::Panic(_)) => {
                    room.failure.replace(failure)
                }
                (Some(_), _) => Some(failure),
            };
            (superfluous, queued)
        };
        // Those that have not begun are dropped there.
        queued.iter().for_each(Place::vacate);
        drop(superfluous);
    }
}

impl<T> Entry<T> {
    fn take_place(&mut self) -> Option<Place> {
        match self {
            Self::Pending(place) => place.take(),
            _ => None,
        }
    }
}

impl<T, E> fmt::Debug for Group<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.shared.room.lock().entries.len();
        f.debug_struct("Group").field("members", &members).finish_non_exhaustive()
    }
}
