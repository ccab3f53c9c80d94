//! Who is notified of what, and the thread that does so.
//!
//! Invariants:
//! 1. A signal is caught as long as a hook that is open wants it, and ignored from `ignore` to the next change;
//!    `changed` has what was there before.
//! 2. Senders are dropped without the lock: that may close their channel, which comes back here. Nor is a context cancelled under
//!    it.
//! 3. Under the lock nobody waits, and in a runtime with a seed nobody else goes on.

use super::{BUFFER, Signal, SignalError};
use crate::chan::{self, Receiver, Sender};
use crate::context::CancelCauseFunc;
use crate::panic::caught;
use crate::prim::global::Mutex;
use crate::sys::signal::{self, Action, Reader};
use crate::util;
use std::collections::BTreeMap;
use std::io;

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    hooks: Vec::new(),
    changed: BTreeMap::new(),
    reader: None,
    has_thread: false,
});

struct Registry {
    hooks: Vec<Hook>,
    changed: BTreeMap<Signal, Changed>,
    /// There before the thread, for which the system may have no room.
    reader: Option<Reader>,
    has_thread: bool,
}

/// A receiver, and what it wants.
struct Hook {
    wanted: u64,
    sender: Sender<Signal>,
    brings: Brings,
}

/// What a signal does.
pub(super) enum Brings {
    /// It comes to the receiver.
    Itself,
    /// The first one ends a context, for as long as there is the receiver.
    End(Option<Cancel>),
}

type Cancel = CancelCauseFunc<SignalError>;

struct Changed {
    before: Action,
    ignored: bool,
}

/// Makes a receiver for `signals`.
///
/// # Errors
/// When the system refuses; nothing has changed then.
pub(super) fn add(signals: &[Signal], brings: Brings) -> io::Result<Receiver<Signal>> {
    ask(signals)?;
    let (sender, receiver) = chan::watched(BUFFER, release_unwanted);
    let hook = Hook { wanted: set(signals), sender, brings };
    let mut registry = REGISTRY.lock();
    registry.start_thread()?;
    registry.hooks.push(hook);
    let mut caught = signals.iter().map(|signal| registry.catch(*signal));
    if let Some(error) = caught.find_map(Result::err) {
        drop(caught);
        let hook = registry.hooks.pop();
        let closed = registry.release_unwanted();
        drop(registry);
        drop((hook, closed));
        return Err(error);
    }
    drop(caught);
    Ok(receiver)
}

/// # Errors
/// When the system refuses; nothing has changed then.
pub(super) fn ignore(signals: &[Signal]) -> io::Result<()> {
    ask(signals)?;
    let mut registry = REGISTRY.lock();
    let left = registry.take_away(signals);
    let ignored = signals.iter().try_for_each(|signal| registry.ignore(*signal));
    drop(registry);
    drop(left);
    ignored
}

pub(super) fn reset(signals: &[Signal]) {
    let mut registry = REGISTRY.lock();
    let left = registry.take_away(signals);
    signals.iter().for_each(|signal| registry.restore(*signal));
    drop(registry);
    drop(left);
}

/// Whether anybody is notified of anything.
pub(super) fn has_receivers() -> bool {
    REGISTRY.lock().hooks.iter().any(|hook| {
        let has_ended = matches!(hook.brings, Brings::End(None));
        hook.wanted != 0 && !has_ended && !hook.sender.is_closed_here()
    })
}

/// A receiver was closed, mostly since the last handle was dropped.
fn release_unwanted() {
    let left = REGISTRY.lock().release_unwanted();
    drop(left);
}

/// Before anything changes: of several, the first may be had and the last not.
///
/// # Errors
/// When the system keeps one of them for itself.
fn ask(signals: &[Signal]) -> io::Result<()> {
    let ask =
        |signal: &Signal| signal::ask(signal.as_raw()).map_err(|error| refused(*signal, &error));
    signals.iter().try_for_each(ask)
}

fn set(signals: &[Signal]) -> u64 {
    signals.iter().fold(0, |set, signal| set | signal.bit())
}

impl Registry {
    fn start_thread(&mut self) -> io::Result<()> {
        if !self.has_thread {
            let reader = match self.reader {
                Some(reader) => reader,
                None => *self.reader.insert(signal::open()?),
            };
            let thread = std::thread::Builder::new().name("rt-signal".to_owned());
            thread.spawn(move || run(reader))?;
            self.has_thread = true;
        }
        Ok(())
    }

    fn catch(&mut self, signal: Signal) -> io::Result<()> {
        if self.changed.get(&signal).is_none_or(|changed| changed.ignored) {
            // A handler may still have run when the last one had gone.
            signal::take(signal.as_raw());
        }
        match self.changed.get_mut(&signal) {
            Some(changed) if changed.ignored => {
                signal::catch(signal.as_raw()).map_err(|error| refused(signal, &error))?;
                changed.ignored = false;
            }
            Some(_) => {}
            None => {
                let before =
                    signal::catch(signal.as_raw()).map_err(|error| refused(signal, &error))?;
                self.changed.insert(signal, Changed { before, ignored: false });
            }
        }
        Ok(())
    }

    fn ignore(&mut self, signal: Signal) -> io::Result<()> {
        let before = signal::ignore(signal.as_raw()).map_err(|error| refused(signal, &error))?;
        let changed = self.changed.entry(signal).or_insert(Changed { before, ignored: true });
        changed.ignored = true;
        signal::take(signal.as_raw());
        Ok(())
    }

    fn restore(&mut self, signal: Signal) {
        if let Some(changed) = self.changed.remove(&signal) {
            // The system took it before.
            let _ = signal::restore(signal.as_raw(), changed.before);
            // What came until now came to those who are gone.
            signal::take(signal.as_raw());
        }
    }

    /// Nobody wants `signals` any more. Returns the hooks to which nothing is left; one that never wanted any stays.
    #[must_use]
    fn take_away(&mut self, signals: &[Signal]) -> Vec<Hook> {
        let gone = set(signals);
        let loses_all = |hook: &mut Hook| {
            let had = hook.wanted & gone != 0;
            hook.wanted &= !gone;
            had && hook.wanted == 0
        };
        self.hooks.extract_if(.., loses_all).collect()
    }

    /// Gives back the signals that nobody wants. Returns the hooks that are closed.
    #[must_use]
    fn release_unwanted(&mut self) -> Vec<Hook> {
        let closed = self.hooks.extract_if(.., |hook| hook.sender.is_closed_here()).collect();
        let wanted = self.hooks.iter().fold(0, |wanted, hook| wanted | hook.wanted);
        let is_unwanted = |(signal, changed): (&Signal, &Changed)| {
            (!changed.ignored && wanted & signal.bit() == 0).then_some(*signal)
        };
        let unwanted: Vec<_> = self.changed.iter().filter_map(is_unwanted).collect();
        unwanted.into_iter().for_each(|signal| self.restore(signal));
        closed
    }

    /// Returns what is to be cancelled, and for which signal.
    #[must_use]
    fn deliver(&mut self) -> Vec<(Cancel, Signal)> {
        let mut ends = Vec::new();
        for (&signal, changed) in &self.changed {
            if changed.ignored {
                continue;
            }
            let count = signal::take(signal.as_raw()) as usize;
            for hook in self.hooks.iter_mut().filter(|hook| hook.wanted & signal.bit() != 0) {
                match &mut hook.brings {
                    Brings::Itself => {
                        // A full one loses it, and so does one that is just being closed.
                        let _ =
                            (0..count.min(BUFFER)).try_for_each(|_| hook.sender.try_send(signal));
                    }
                    Brings::End(cancel) if count != 0 && !hook.sender.is_closed_here() => {
                        ends.extend(cancel.take().map(|cancel| (cancel, signal)));
                    }
                    Brings::End(_) => {}
                }
            }
        }
        ends
    }
}

/// The thread's life. It blocks in the kernel while no signal comes.
fn run(reader: Reader) {
    util::enlist_servant(crate::sys::thread_id());
    loop {
        reader.wait();
        let caught = signal::caught();
        let ends = REGISTRY.lock().deliver();
        ends.into_iter().for_each(|(cancel, signal)| end(cancel, signal));
        signal::settled(caught);
    }
}

/// Whatever is dropped with a context that somebody lets go of just then, the thread goes on.
fn end(cancel: Cancel, signal: Signal) {
    if let Err(payload) = caught(move || cancel(SignalError::new(signal))) {
        util::drop_payload(payload);
    }
}

fn refused(signal: Signal, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the system does not let {signal} be caught: {error}"))
}
