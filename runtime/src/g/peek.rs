//! Reading a goroutine's header from outside, while the goroutine runs and may end at any time.
//!
//! The kernel copies what lies where the header was ([`sys::peek`]): so nothing bad happens if it is gone, and no value of the
//! program is read that somebody writes. Whether the copy is good the carrier's slot says: it has had the same job, of the
//! same goroutine, before and after (slot invariant 4). What is copied does not change in that time (invariant 4 of the module above).

use super::{Extras, G};
use crate::carrier::Slot;
use crate::prim::atomic::{Ordering, fence};
use crate::sys;
use std::mem::{MaybeUninit, offset_of};
use std::panic::Location;

/// Who a goroutine is.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) id: u64,
    /// 0: a plain thread has spawned it.
    pub(crate) parent: u64,
    pub(crate) name: Option<String>,
    /// `None`: it could not be read.
    pub(crate) site: Option<&'static Location<'static>>,
}

/// The job may have changed so often while it was read.
const TRIES: usize = 4;
/// Longer names are cut.
const LONGEST: usize = 256;

impl Header {
    /// That of a goroutine which the caller keeps alive.
    pub(crate) fn of(g: &G) -> Self {
        let name = g.name().map(|name| name.to_string());
        Self { id: g.id(), parent: g.parent(), name, site: Some(g.site()) }
    }

    /// That of the goroutine that has the carrier of `slot` now. `None`: there is none.
    pub(crate) fn peek(slot: &Slot) -> Option<Self> {
        let mut id = 0;
        for _ in 0..TRIES {
            let before = slot.seen();
            if before.0.is_null() {
                return None;
            }
            id = before.1;
            let copy = copy(before.0.addr());
            // The copy comes before the second look.
            fence(Ordering::Acquire);
            if slot.seen() != before {
                continue;
            }
            let Some((words, name)) = copy else { break };
            let site = std::ptr::with_exposed_provenance::<Location<'static>>(words.site);
            // SAFETY: the copy is good, as the slot says: what a goroutine's header has there.
            let site = unsafe { site.as_ref() };
            return Some(Self { id: words.id, parent: words.parent, name, site });
        }
        Some(Self { id, parent: 0, name: None, site: None })
    }
}

struct Words {
    id: u64,
    parent: u64,
    site: usize,
    extras: usize,
}

/// What lies at `addr`, good or not.
fn copy(addr: usize) -> Option<(Words, Option<String>)> {
    let words = Words {
        id: word(addr + offset_of!(G, id))? as u64,
        parent: word(addr + offset_of!(G, parent))? as u64,
        site: word(addr + offset_of!(G, site))?,
        extras: word(addr + offset_of!(G, extras))?,
    };
    let name = if words.extras == 0 { None } else { name(words.extras) };
    Some((words, name))
}

fn name(extras: usize) -> Option<String> {
    let text = extras + offset_of!(Extras, text);
    let (start, len) =
        (word(text + offset_of!((usize, usize), 0))?, word(text + offset_of!((usize, usize), 1))?);
    let mut bytes = vec![0; len.min(LONGEST)];
    sys::peek(start, &mut bytes).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn word(addr: usize) -> Option<usize> {
    let mut bytes = [0; size_of::<usize>()];
    sys::peek(addr, &mut bytes).then(|| usize::from_ne_bytes(bytes))
}

const _: () = assert!(size_of::<MaybeUninit<Option<Box<Extras>>>>() == size_of::<usize>());
const _: () = assert!(size_of::<std::cell::Cell<u64>>() == size_of::<u64>());
