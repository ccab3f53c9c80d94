//! What is known of a panic between the place that raised it and who catches it.
//!
//! An unwinding carries its payload and nothing else. What there is to know beside it (where it was raised, what
//! it superseded, whether it was reported) lies in a *note*, with the goroutine that unwinds, or with the
//! thread if it is none. The hook and [`launch`] write notes; who has caught a payload [claims](claim) its note.
//!
//! A frame (also a `catch`) counts itself for its time: its level is the number of frames around its body. A note
//! has the level at which its panic is raised. Plain `catch_unwind`s claim nothing: what they
//! swallow is seen when the frame of its level ends.
//!
//! Invariants:
//! 1. Notes and level are the goroutine's own, or the thread's: nobody else touches them, and none of this switches.
//!    A goroutine that unwinds keeps its thread (`sched::switch`), so for either it is the same from the hook to
//!    the catch.
//! 2. No user code runs while the notes are borrowed. Notes that are taken out are reported and dropped afterwards.
//! 3. With the hook, a note of level 0 has been reported: nobody around it recovers.
//! 4. When a frame of level n ends, no note of that level or above is left: it has claimed what it caught,
//!    and others were swallowed below it.

use super::report;
use super::value::{Panic, Seen};
use crate::carrier::Slot;
use crate::sched;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::Arc;

/// Of swallowed panics, this many notes are kept: perhaps somebody resumes them.
const ENOUGH: usize = 16;

/// Which payload a note is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    kind: TypeId,
    /// Where its text lies, or the box that it is in. `None`: the hook saw it before it was boxed.
    at: Option<usize>,
}

impl Key {
    /// Of a payload that lies in its box.
    pub(super) fn of(payload: &(dyn Any + Send)) -> Self {
        let boxed = std::ptr::from_ref(payload).cast::<()>().addr();
        Self { kind: payload.type_id(), at: Some(text_at(payload).unwrap_or(boxed)) }
    }

    /// Of a payload that is about to be boxed. A text moves into the box without its bytes.
    fn before_boxing(payload: &(dyn Any + Send)) -> Self {
        Self { kind: payload.type_id(), at: text_at(payload) }
    }

    fn fits(&self, caught: &Self) -> bool {
        self.kind == caught.kind && (self.at.is_none() || self.at == caught.at)
    }
}

fn text_at(payload: &(dyn Any + Send)) -> Option<usize> {
    super::message(payload).map(|text| text.as_ptr().addr())
}

/// What is known of a panic in flight.
#[derive(Debug)]
pub(super) struct Note {
    key: Key,
    level: u32,
    pub(super) text: Box<str>,
    pub(super) known: Known,
}

/// What a claim finds.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) seen: Option<Arc<Seen>>,
    pub(super) previous: Option<Arc<Panic>>,
    /// An exit goes on when the panic is recovered.
    pub(super) exits: bool,
    /// Standard error has it.
    pub(super) reported: bool,
}

impl Known {
    /// Whether the hook has seen it, or one that it superseded.
    pub(super) fn is_seen(&self) -> bool {
        let mut chain = std::iter::successors(self.previous.as_deref(), |panic| panic.previous());
        self.seen.is_some() || chain.any(|panic| panic.seen().is_some())
    }
}

thread_local! {
    /// The level of a thread that is no goroutine, and whether it has notes.
    static LEVEL: Cell<u32> = const { Cell::new(0) };
    static NOTED: Cell<bool> = const { Cell::new(false) };
    static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
}

/// Whose notes: the goroutine that has this slot, or the thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner(Option<&'static Slot>);

impl Owner {
    #[inline(always)]
    pub(super) fn current() -> Self {
        Self(sched::current_slot())
    }

    pub(super) fn slot(self) -> Option<&'static Slot> {
        self.0
    }

    /// Begins a frame.
    #[inline(always)]
    pub(super) fn enter(self) {
        match self.0 {
            Some(slot) => slot.frames.set(slot.frames.get() + 1),
            None => count_thread(1),
        }
    }

    /// Ends a frame. Invariant 4.
    #[inline(always)]
    pub(super) fn leave(self) {
        let noted = match self.0 {
            Some(slot) => {
                slot.frames.set(slot.frames.get() - 1);
                !slot.panics.get().is_null()
            }
            None => {
                count_thread(-1);
                thread_noted()
            }
        };
        if noted {
            self.settle();
        }
    }

    pub(super) fn level(self) -> u32 {
        match self.0 {
            Some(slot) => slot.frames.get(),
            None => thread_level(),
        }
    }

    /// Forgets what was swallowed in a frame that has ended, and reports what was not.
    #[cold]
    #[inline(never)]
    fn settle(self) {
        let level = self.level();
        let swallowed = self.notes(|notes| {
            let from = notes.iter().position(|note| note.level > level).unwrap_or(notes.len());
            notes.split_off(from)
        });
        forget(swallowed);
    }

    /// Invariants 1 and 2.
    fn notes<R>(self, f: impl FnOnce(&mut Vec<Note>) -> R) -> Option<R> {
        let Some(slot) = self.0 else { return thread_notes(f) };
        let at = slot.panics.get().cast::<Vec<Note>>();
        let mut notes = if at.is_null() {
            Vec::new()
        } else {
            slot.panics.set(std::ptr::null_mut());
            // SAFETY: made by `into_raw` below; invariant 1: nobody else has the pointer.
            *unsafe { Box::from_raw(at) }
        };
        let result = f(&mut notes);
        if !notes.is_empty() {
            slot.panics.set(Box::into_raw(Box::new(notes)).cast());
        }
        Some(result)
    }
}

// The thread's side: never inlined, for a goroutine's frame contains switches.

#[inline(never)]
fn count_thread(by: i32) {
    LEVEL.set(LEVEL.get().wrapping_add_signed(by));
}

#[inline(never)]
fn thread_level() -> u32 {
    LEVEL.get()
}

#[inline(never)]
fn thread_noted() -> bool {
    NOTED.get()
}

/// `None` when the thread's locals are gone: it is past its end, and has no notes.
#[inline(never)]
fn thread_notes<R>(f: impl FnOnce(&mut Vec<Note>) -> R) -> Option<R> {
    NOTES
        .try_with(|notes| {
            let mut notes = notes.borrow_mut();
            let result = f(&mut notes);
            NOTED.set(!notes.is_empty());
            result
        })
        .ok()
}

/// Reports what was not, then drops.
fn forget(notes: Option<Vec<Note>>) {
    for note in notes.into_iter().flatten() {
        if !note.known.reported {
            report::note(&note);
        }
        // The payloads of what it superseded are strangers'.
        super::drop_quietly(note);
    }
}

/// The hook has seen a panic, in a frame. It is held back; unless there is another of its level: that was
/// swallowed, or it unwinds and this one comes from a destructor, and then the process may end at once.
pub(super) fn seen(owner: Owner, payload: &(dyn Any + Send), seen: Seen) {
    let level = owner.level();
    let text = super::message(payload).unwrap_or(super::value::NO_TEXT).into();
    let known = Known { seen: Some(Arc::new(seen)), ..Known::default() };
    let mut new = Note { key: Key::before_boxing(payload), level, text, known };
    // Out of the list to be reported, then back.
    let Some(mut notes) = owner.notes(std::mem::take) else {
        report::note(&new);
        return;
    };
    let mut beside = false;
    for note in notes.iter_mut().filter(|note| note.level >= level) {
        beside = true;
        if !std::mem::replace(&mut note.known.reported, true) {
            report::note(note);
        }
    }
    if beside {
        report::note(&new);
        new.known.reported = true;
    }
    if notes.len() >= ENOUGH
        && let Some(i) = notes.iter().position(Note::is_dispensable)
    {
        notes.remove(i);
    }
    notes.push(new);
    owner.notes(|list| *list = notes);
}

impl Note {
    /// Nothing depends on it, and nobody's payload is in it.
    fn is_dispensable(&self) -> bool {
        self.known.reported && self.known.previous.is_none() && !self.known.exits
    }
}

/// What is known of `payload`, which was caught where it was raised: in a frame's body, or out of all frames. What was
/// swallowed further out is not meant, though it may have the same text.
#[cold]
pub(super) fn claim(owner: Owner, payload: &(dyn Any + Send)) -> Known {
    claim_from(owner, payload, owner.level())
}

/// The same, of a payload that was raised at `level` or above. Later notes are of panics that were swallowed meanwhile.
#[cold]
pub(super) fn claim_from(owner: Owner, payload: &(dyn Any + Send), level: u32) -> Known {
    let key = Key::of(payload);
    let found = owner.notes(|notes| {
        let at = notes.iter().rposition(|note| note.level >= level && note.key.fits(&key))?;
        let swallowed = notes.split_off(at + 1);
        notes.pop().map(|note| (note.known, swallowed))
    });
    let Some((known, swallowed)) = found.flatten() else { return Known::default() };
    forget(Some(swallowed));
    known
}

/// Unwinds with `panic`, to whoever catches it. With no frame around, it is reported first.
#[cold]
pub(super) fn launch(owner: Owner, mut panic: Panic, exits: bool) -> ! {
    let level = owner.level();
    if level == 0 {
        report::leaves(&mut panic);
    }
    let (payload, text, known) = panic.into_parts(exits);
    if known.seen.is_some() || known.previous.is_some() || known.exits {
        keep(owner, Note { key: Key::of(&*payload), level, text, known });
    }
    resume_unwind(payload)
}

/// Notes it, and forgets what is too old. While nothing unwinds, all others are of panics that were swallowed.
#[inline(never)]
fn keep(owner: Owner, note: Note) {
    let unwinds = std::thread::panicking();
    let old = owner.notes(|notes| {
        notes.push(note);
        let many = if unwinds { 0 } else { notes.len().saturating_sub(ENOUGH) };
        notes.drain(..many).collect()
    });
    forget(old);
}

/// At the end of a goroutine: what it left.
pub(crate) fn drop_notes(notes: *mut ()) {
    // SAFETY: made by `into_raw` in `Owner::notes`, and taken from the slot by the goroutine's own end.
    let notes = unsafe { Box::from_raw(notes.cast::<Vec<Note>>()) };
    notes.into_iter().for_each(super::drop_quietly);
}
