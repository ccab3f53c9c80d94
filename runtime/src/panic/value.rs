//! A panic as a value: what it was raised with, where, and which panics it superseded.
//!
//! Invariants:
//! 1. A payload is `Send`, and perhaps not `Sync`. Shared references to a [`Panic`] show it only as a
//!    type that is; else it is reached by value.
//! 2. Who has a [`Panic`] by value has its payload. One that is recovered leaves a [`Panic::memory`] of itself behind,
//!    without a payload, for the chain of what the same deferred code may raise.

use super::flight::{self, Key, Known, Owner};
use super::{caught, message};
use crate::prim::global::{AtomicBool, Ordering};
use std::any::Any;
use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

/// What is said of a payload that `panic!` did not make.
pub(super) const NO_TEXT: &str = "(a payload that is no text)";

/// Where a panic was raised; as [`std::panic::Location`], and shown in the same form.
///
/// # Examples
/// ```
/// #[rt::main] // it installs the hook that remembers places
/// fn main() {
///     let caught = rt::panic::catch(|| panic!("here")).unwrap_err();
///     let at = caught.location().unwrap();
///     assert_eq!((at.file(), at.line()), (file!(), line!() - 2));
///     assert!(at.column() > 1);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    file: Box<str>,
    line: u32,
    column: u32,
}

impl Location {
    pub(super) fn of(at: &std::panic::Location<'_>) -> Self {
        Self { file: at.file().into(), line: at.line(), column: at.column() }
    }

    /// The source file, as the compiler was told its name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, from 1.
    pub fn column(&self) -> u32 {
        self.column
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What the panic hook saw.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) at: Option<Location>,
    /// If `RUST_BACKTRACE` asks for it.
    pub(super) trace: Option<Backtrace>,
}

/// A panic that was caught: what Go's `recover` gives.
///
/// The payload is what the panic was raised with, unchanged; [`downcast`](Self::downcast) gets at it. With
/// the panic hook ([`Builder::panic_hook`](crate::Builder::panic_hook), `#[rt::main]`, `#[rt::test]`) the
/// panic also knows where it was raised.
///
/// # Examples
/// ```
/// use rt::panic;
///
/// let caught = panic::Panic::new(Box::new("out of cheese"));
/// assert_eq!(caught.message(), "out of cheese");
/// assert_eq!(*caught.downcast::<&str>().unwrap(), "out of cheese");
/// ```
pub struct Panic(Box<Inner>);

// It was made of what unwound: who has it knows.
impl std::panic::UnwindSafe for Panic {}
impl std::panic::RefUnwindSafe for Panic {}

struct Inner {
    /// Invariant 2.
    payload: Option<Box<dyn Any + Send>>,
    /// What it said, when the payload is gone, and whose memory it is.
    text: Box<str>,
    key: Option<Key>,
    seen: Option<Arc<Seen>>,
    previous: Option<Arc<Panic>>,
    reported: bool,
    /// Of one that was recovered: the memory of it. Of a memory: whether the payload was dropped with its panic,
    /// and so what lies there now is another.
    memory: Option<Arc<Panic>>,
    gone: AtomicBool,
}

// SAFETY: invariant 1: `downcast_ref` asks for `Sync`, and the text of a payload is `Sync`.
unsafe impl Sync for Panic {}

impl Panic {
    /// A panic whose payload was caught elsewhere: by [`std::panic::catch_unwind`], or by
    /// [`JoinError::into_panic`](crate::JoinError::into_panic).
    ///
    /// # Examples
    /// ```
    /// let payload = std::panic::catch_unwind(|| panic!("out of cheese")).unwrap_err();
    /// assert_eq!(rt::panic::Panic::new(payload).message(), "out of cheese");
    /// ```
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        // Perhaps it was raised long ago, and further out.
        let known = flight::claim_from(Owner::current(), &*payload, 0);
        Self::with(payload, known)
    }

    pub(super) fn with(payload: Box<dyn Any + Send>, known: Known) -> Self {
        let Known { seen, previous, reported, exits: _ } = known;
        Self(Box::new(Inner {
            payload: Some(payload),
            text: Box::default(),
            key: None,
            seen,
            previous,
            reported,
            memory: None,
            gone: AtomicBool::new(false),
        }))
    }

    /// What it leaves behind when it is recovered, which is now.
    pub(super) fn leave_memory(&mut self) -> Arc<Self> {
        let memory = Arc::new(self.memory());
        self.0.memory = Some(Arc::clone(&memory));
        memory
    }

    fn memory(&self) -> Self {
        Self(Box::new(Inner {
            payload: None,
            text: self.message().into(),
            key: self.payload().map(Key::of),
            seen: self.0.seen.clone(),
            previous: self.0.previous.clone(),
            reported: true,
            memory: None,
            gone: AtomicBool::new(false),
        }))
    }

    /// Whether it was recovered: in the chain of a panic that was raised by the same deferred code.
    ///
    /// # Examples
    /// ```
    /// use rt::panic;
    ///
    /// let caught = panic::catch(|| {
    ///     panic::frame(|f| -> () {
    ///         f.defer(|u| {
    ///             u.recover();
    ///             panic!("second");
    ///         });
    ///         panic!("first");
    ///     })
    /// })
    /// .unwrap_err();
    /// assert!(!caught.is_recovered() && caught.previous().unwrap().is_recovered());
    /// ```
    pub fn is_recovered(&self) -> bool {
        self.0.payload.is_none()
    }

    /// Invariant 2.
    pub(super) fn payload(&self) -> Option<&(dyn Any + Send)> {
        self.0.payload.as_deref()
    }

    /// Whether this is the memory of `panic`, which was raised again.
    pub(super) fn remembers(&self, panic: &Self) -> bool {
        let same = match (self.seen(), panic.seen()) {
            (Some(own), Some(seen)) => std::ptr::eq(own, seen),
            (None, Some(_)) => false,
            // Raised past the hook, or there is none.
            (_, None) => !self.0.gone.load(Ordering::Relaxed),
        };
        same && self.0.key == panic.payload().map(Key::of)
    }

    /// Fills in what a payload that was raised again without a note does not know.
    pub(super) fn complete_from(&mut self, memory: &Self) {
        if self.0.seen.is_none() {
            self.0.seen = memory.0.seen.clone();
        }
        if self.0.previous.is_none() {
            self.0.previous = memory.0.previous.clone();
        }
    }

    /// Adds what it superseded at the far end of its chain.
    pub(super) fn supersede(&mut self, older: Arc<Self>) {
        let mut chain = Vec::new();
        let mut next = self.0.previous.take();
        while let Some(link) = next {
            // A link that somebody else has a part in stays as it is, and a copy without the payload is linked.
            let mut own = Arc::try_unwrap(link).unwrap_or_else(|shared| shared.memory());
            next = own.0.previous.take();
            chain.push(own);
        }
        let linked = chain.into_iter().rev().fold(older, |older, mut link| {
            link.0.previous = Some(older);
            Arc::new(link)
        });
        self.0.previous = Some(linked);
    }

    pub(super) fn seen(&self) -> Option<&Seen> {
        self.0.seen.as_deref()
    }

    /// Standard error has it. Whether it had it before.
    pub(super) fn set_reported(&mut self) -> bool {
        std::mem::replace(&mut self.0.reported, true)
    }

    /// For a note of it, and to unwind with.
    pub(super) fn into_parts(mut self, exits: bool) -> (Box<dyn Any + Send>, Box<str>, Known) {
        let text = self.message().into();
        let (seen, previous) = (self.0.seen.take(), self.0.previous.take());
        let known = Known { seen, previous, exits, reported: self.0.reported };
        (self.into_payload(), text, known)
    }

    /// Without what it superseded.
    fn show<'a, 'b>(&self, f: &'a mut fmt::Formatter<'b>) -> fmt::DebugStruct<'a, 'b> {
        let mut shown = f.debug_struct("Panic");
        shown.field("message", &self.message());
        if let Some(at) = self.location() {
            shown.field("location", &format_args!("{at}"));
        }
        shown
    }

    /// The text that `panic!` was given. Other payloads have none, and are called
    /// `(a payload that is no text)`.
    ///
    /// # Examples
    /// ```
    /// let panic = rt::panic::catch(|| panic!("{} of cheese", "out")).unwrap_err();
    /// assert_eq!(panic.message(), "out of cheese");
    /// ```
    pub fn message(&self) -> &str {
        match &self.0.payload {
            Some(payload) => message(&**payload).unwrap_or(NO_TEXT),
            None => &self.0.text,
        }
    }

    /// Where it was raised, if the panic hook is installed, and it was caught by a [frame](super::frame()), by
    /// [`catch`](super::catch) or for a pool's [handler](crate::pool::Builder::panic_handler).
    ///
    /// `None` of what the hook did not see ([`resume_unwind`]), and of a payload whose panic was over before it came to
    /// [`new`](Self::new): out of a [`JoinError`](crate::JoinError), say, or caught outside of all frames.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let panic = rt::panic::catch(|| panic!("here")).unwrap_err();
    ///     assert_eq!(panic.location().unwrap().file(), file!());
    /// }
    /// ```
    pub fn location(&self) -> Option<&Location> {
        self.seen()?.at.as_ref()
    }

    /// The stack where it was raised, if the panic hook is installed and `RUST_BACKTRACE` (or
    /// `RUST_LIB_BACKTRACE`) asks for it.
    ///
    /// # Examples
    /// ```
    /// let caught = rt::panic::catch(|| panic!("on a thread without the hook")).unwrap_err();
    /// assert!(caught.backtrace().is_none());
    /// ```
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.seen()?.trace.as_ref()
    }

    /// The panic that this one superseded: it was raised by deferred code that ran because of that.
    ///
    /// # Examples
    /// ```
    /// use rt::panic::{catch, frame};
    ///
    /// let panic = catch(|| frame(|f| -> () {
    ///     f.defer(|_| panic!("second"));
    ///     panic!("first")
    /// })).unwrap_err();
    /// assert_eq!(panic.previous().unwrap().message(), "first");
    /// ```
    pub fn previous(&self) -> Option<&Panic> {
        self.0.previous.as_deref()
    }

    /// Whether it was raised with a `T`.
    ///
    /// # Examples
    /// ```
    /// let panic = rt::panic::catch(|| std::panic::panic_any(7_u32)).unwrap_err();
    /// assert!(panic.is::<u32>() && !panic.is::<&str>());
    /// ```
    pub fn is<T: Any>(&self) -> bool {
        self.0.payload.as_ref().is_some_and(|payload| payload.is::<T>())
    }

    /// What it was raised with, if that is a `T`.
    ///
    /// # Examples
    /// ```
    /// let panic = rt::panic::catch(|| std::panic::panic_any(7_u32)).unwrap_err();
    /// assert_eq!(panic.downcast_ref(), Some(&7_u32));
    /// ```
    pub fn downcast_ref<T: Any + Sync>(&self) -> Option<&T> {
        self.0.payload.as_ref()?.downcast_ref()
    }

    /// What it was raised with, if that is a `T`; else the panic again.
    ///
    /// # Errors
    /// The panic, when its payload is something else.
    ///
    /// # Examples
    /// ```
    /// let panic = rt::panic::catch(|| std::panic::panic_any(7_u32)).unwrap_err();
    /// let panic = panic.downcast::<String>().unwrap_err();
    /// assert_eq!(*panic.downcast::<u32>().unwrap(), 7);
    /// ```
    pub fn downcast<T: Any>(mut self) -> Result<Box<T>, Self> {
        match self.0.payload.take().map(<Box<dyn Any + Send>>::downcast) {
            Some(Ok(value)) => Ok(value),
            Some(Err(other)) => {
                self.0.payload = Some(other);
                Err(self)
            }
            None => Err(self),
        }
    }

    /// What it was raised with.
    ///
    /// # Examples
    /// ```
    /// let panic = rt::panic::catch(|| panic!("on")).unwrap_err();
    /// let goes_on = std::panic::catch_unwind(|| std::panic::resume_unwind(panic.into_payload()));
    /// assert!(goes_on.unwrap_err().is::<&str>());
    /// ```
    pub fn into_payload(mut self) -> Box<dyn Any + Send> {
        // Invariant 2.
        self.0.payload.take().unwrap_or_else(|| Box::new(std::mem::take(&mut self.0.text)))
    }

    /// Goes on with the panic, as if it had not been caught: payload, location and chain are the
    /// same. Go's `panic(recovered)`.
    ///
    /// # Panics
    /// Always.
    ///
    /// # Examples
    /// ```
    /// use rt::panic;
    ///
    /// let outer = panic::catch(|| {
    ///     let inner = panic::catch(|| panic!("out of cheese")).unwrap_err();
    ///     if inner.message() != "out of milk" {
    ///         inner.resume();
    ///     }
    /// });
    /// assert_eq!(outer.unwrap_err().message(), "out of cheese");
    /// ```
    pub fn resume(self) -> ! {
        flight::launch(Owner::current(), self, false)
    }
}

/// Chains may be long: one link after the other, not each within the one before. Of payloads whose destructors panic
/// there may be several: the first of those panics goes on, unless one does already.
impl Drop for Inner {
    fn drop(&mut self) {
        if let (Some(memory), Some(_)) = (&self.memory, &self.payload) {
            // Before its memory is free: who gets that has seen this.
            memory.0.gone.store(true, Ordering::Relaxed);
        }
        let mut raised = self.payload.take().and_then(|payload| caught(|| drop(payload)).err());
        let mut next = self.previous.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.0.previous.take();
            match caught(|| drop(link)) {
                Err(payload) if raised.is_none() => raised = Some(payload),
                Err(payload) => super::drop_quietly(payload),
                Ok(()) => {}
            }
        }
        match raised {
            Some(payload) if std::thread::panicking() => super::drop_quietly(payload),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// What it superseded is listed, the newest first: chains may be long.
impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = std::iter::successors(self.previous(), |link| link.previous());
        let links = chain.map(|link| fmt::from_fn(move |f| link.show(f).finish()));
        let mut shown = self.show(f);
        if self.previous().is_some() {
            let list = |f: &mut fmt::Formatter<'_>| f.debug_list().entries(links.clone()).finish();
            shown.field("previous", &fmt::from_fn(list));
        }
        shown.finish()
    }
}

impl Error for Panic {
    /// The panic that this one superseded.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.previous().map(|previous| previous as _)
    }
}
