//! What lies in the queues of a [`Pool`](super::Pool): something to call once, in place if it is small.
//!
//! Most closures that are submitted have a few words. They lie in the job itself: to submit one allocates nothing, and who runs
//! it finds it where the job was put. A larger one lies in a box, and that in the job.
//!
//! Invariants:
//! 1. In `room` lies what `kind` was made for, and it is the job's until it is moved out, after which the job is forgotten.
//! 2. What lies there may go to any thread ([`Call`] is `Send`), and so may a job, whose words and pointers are `Send` by themselves. Nothing
//!    of it can be reached through a shared reference, so that it is `Sync`, too, says nothing.

use crate::util;
use std::any::TypeId;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::sync::Arc;

/// So many words lie in place.
const WORDS: usize = 3;

type Room = MaybeUninit<[usize; WORDS]>;

/// A task.
pub(super) struct Job {
    kind: &'static Kind,
    room: Room,
}

/// What is done with what lies in a room.
struct Kind {
    call: unsafe fn(&mut Room),
    drop: unsafe fn(&mut Room),
    id: fn() -> TypeId,
}

/// What is called once, or dropped, or given back.
pub(super) trait Call: Send + 'static {
    fn call(self);
}

/// Somebody waits for the end of this.
pub(super) trait Run: Send + Sync {
    fn run(self: Arc<Self>);
    /// It will not be run.
    fn cancel(&self);
}

/// Runs, or cancels.
pub(super) struct Runner<'a>(Option<Arc<dyn Run + 'a>>);

impl<'a> Runner<'a> {
    pub(super) fn new(run: Arc<dyn Run + 'a>) -> Self {
        Self(Some(run))
    }

    pub(super) fn run(mut self) {
        if let Some(run) = self.0.take() {
            run.run();
        }
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run.cancel();
        }
    }
}

impl Call for Runner<'static> {
    fn call(self) {
        self.run();
    }
}

/// A closure, and nothing else.
struct Plain<F>(F);

impl<F: FnOnce() + Send + 'static> Call for Plain<F> {
    #[inline]
    fn call(self) {
        (self.0)();
    }
}

/// How a `C` lies in a room.
struct Lies<C>(C);

impl<C: Call> Lies<C> {
    const IN_PLACE: bool =
        size_of::<C>() <= size_of::<Room>() && align_of::<C>() <= align_of::<Room>();
    const KIND: &'static Kind = &Kind { call: Self::call, drop: Self::drop, id: TypeId::of::<C> };

    #[inline]
    fn put(call: C) -> Room {
        let mut room = Room::uninit();
        if Self::IN_PLACE {
            // SAFETY: it is large enough for one, and aligned.
            unsafe { room.as_mut_ptr().cast::<C>().write(call) };
        } else {
            // SAFETY: a pointer is a word.
            unsafe { room.as_mut_ptr().cast::<Box<C>>().write(Box::new(call)) };
        }
        room
    }

    /// Moves it out.
    ///
    /// # Safety
    /// `room` is what [`put`](Self::put) made, and is not looked at any more.
    #[inline]
    unsafe fn take(room: &mut Room) -> C {
        if Self::IN_PLACE {
            // SAFETY: one lies there, as the caller says.
            unsafe { room.as_mut_ptr().cast::<C>().read() }
        } else {
            // SAFETY: a box of one lies there, as the caller says.
            *unsafe { room.as_mut_ptr().cast::<Box<C>>().read() }
        }
    }

    /// # Safety
    /// As of [`take`](Self::take).
    unsafe fn call(room: &mut Room) {
        // SAFETY: as the caller says.
        unsafe { Self::take(room) }.call();
    }

    /// # Safety
    /// As of [`take`](Self::take).
    unsafe fn drop(room: &mut Room) {
        // SAFETY: as the caller says.
        drop(unsafe { Self::take(room) });
    }
}

impl Job {
    /// A closure.
    #[inline]
    pub(super) fn new<F: FnOnce() + Send + 'static>(f: F) -> Self {
        Self::of(Plain(f))
    }

    #[inline]
    pub(super) fn of<C: Call>(call: C) -> Self {
        Self { kind: Lies::<C>::KIND, room: Lies::put(call) }
    }

    #[inline]
    pub(super) fn run(self) {
        let mut job = ManuallyDrop::new(self);
        let call = job.kind.call;
        // SAFETY: invariant 1: it is of this kind, and the job is forgotten.
        unsafe { call(&mut job.room) };
    }

    /// What [`new`](Self::new) was given.
    pub(super) fn into_closure<F: FnOnce() + Send + 'static>(self) -> F {
        self.into_call::<Plain<F>>().0
    }

    /// What it was made [of](Self::of).
    pub(super) fn into_call<C: Call>(self) -> C {
        if (self.kind.id)() != TypeId::of::<C>() {
            util::bug(format_args!("a pool gave back another task than it was given"));
        }
        let mut job = ManuallyDrop::new(self);
        // SAFETY: invariant 1: it is of this kind, whose type was compared, and the job is forgotten.
        unsafe { Lies::<C>::take(&mut job.room) }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // SAFETY: invariant 1: it is of this kind, and nobody looks at it after this.
        unsafe { (self.kind.drop)(&mut self.room) };
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{Job, Runner, WORDS};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A closure with `N` words more than a counter that it adds to when it is called, and one that counts its drops.
    fn closure<const N: usize>(calls: &Arc<AtomicU32>) -> impl FnOnce() + Send + use<N> {
        let (calls, words) = (Arc::clone(calls), [1_usize; N]);
        move || {
            let sum = words.iter().sum::<usize>();
            assert_eq!(sum, N);
            calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn each<const N: usize>() {
        let calls = Arc::new(AtomicU32::new(0));
        let counts = || (calls.load(Ordering::Relaxed), Arc::strong_count(&calls));
        Job::new(closure::<N>(&calls)).run();
        assert_eq!(counts(), (1, 1), "called, and dropped once");
        drop(Job::new(closure::<N>(&calls)));
        assert_eq!(counts(), (1, 1), "dropped, and not called");
        let moved = [Some(Job::new(closure::<N>(&calls))), None];
        let [Some(job), _] = moved else { unreachable!() };
        std::thread::spawn(move || job.run()).join().unwrap();
        assert_eq!(counts(), (2, 1));
        let back = back(closure::<N>(&calls));
        assert_eq!(counts(), (2, 2), "given back as it was");
        back();
        assert_eq!(counts(), (3, 1));
    }

    fn back<F: FnOnce() + Send + 'static>(f: F) -> F {
        Job::new(f).into_closure::<F>()
    }

    #[test]
    fn closures_of_all_sizes_are_called_or_dropped_or_given_back() {
        assert_eq!(size_of::<Option<Job>>(), (WORDS + 1) * size_of::<usize>());
        each::<0>();
        each::<1>();
        each::<2>();
        each::<3>();
        each::<4>();
        each::<100>();
    }

    #[repr(align(64))]
    struct Wide(u8);

    /// What is small, but may not lie anywhere.
    #[test]
    fn what_is_aligned_to_more_than_a_word_is_so_in_a_job() {
        let wide = Wide(7);
        let at = |wide: &Wide| std::ptr::from_ref(wide).addr();
        Job::new(move || assert_eq!((at(&wide) % 64, wide.0), (0, 7))).run();
    }

    /// Nothing at all to keep, and something to drop all the same.
    #[test]
    fn a_job_without_words() {
        static DROPPED: AtomicU32 = AtomicU32::new(0);
        struct Tell;
        impl Drop for Tell {
            fn drop(&mut self) {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        let tell = Tell;
        drop(Job::new(move || drop(tell)));
        assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn one_that_panics_is_dropped_once() {
        let alive = Arc::new(());
        let kept = Arc::clone(&alive);
        let job = Job::new(move || {
            let _kept = &kept;
            std::panic::resume_unwind(Box::new("it does"));
        });
        catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_err();
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    #[test]
    fn a_runner_that_is_dropped_in_a_job_cancels() {
        struct Count(AtomicU32, AtomicU32);
        impl super::Run for Count {
            fn run(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            fn cancel(&self) {
                self.1.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count(AtomicU32::new(0), AtomicU32::new(0)));
        let runner = || Runner::new(Arc::clone(&count) as Arc<dyn super::Run>);
        Job::of(runner()).run();
        drop(Job::of(runner()));
        assert_eq!((count.0.load(Ordering::Relaxed), count.1.load(Ordering::Relaxed)), (1, 1));
        assert_eq!(Arc::strong_count(&count), 1);
    }
}
