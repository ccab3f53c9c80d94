//! What can happen, and how it is put into four words.

use super::site::SiteId;

/// Words of an event in a ring: when; what, to which site, on which M; which goroutine; the rest.
pub(super) const WORDS: usize = 4;

/// Why a P left the M that ran a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reason {
    /// The goroutine's thread waited in the kernel: the monitor took the P.
    Blocked = 0,
    /// It ran on and on without a call of the runtime: the monitor took the P.
    Burning = 1,
    /// It said that it would block, with `rt::blocking`.
    Asked = 2,
    /// It is bound to its thread, and waits.
    Pinned = 3,
}

impl Reason {
    pub(crate) const ALL: [Self; 4] = [Self::Blocked, Self::Burning, Self::Asked, Self::Pinned];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Burning => "burning",
            Self::Asked => "asked",
            Self::Pinned => "pinned",
        }
    }
}

/// What happened to a goroutine, a P or an M. `g` is a goroutine's id; `by` that of the one which did it, or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A goroutine was made and queued.
    Spawn { g: u64, by: u64, site: SiteId },
    /// A goroutine was made runnable.
    Ready { g: u64, by: u64 },
    /// A goroutine began or went on.
    Run { g: u64, site: SiteId },
    /// A goroutine left its P to wait.
    Park { g: u64, why: u8 },
    /// A goroutine made way, and is still runnable.
    Yield { g: u64 },
    /// A goroutine ended.
    End { g: u64 },
    /// This P took work from that one.
    Steal { from: u32 },
    /// An M was woken, or started, for P `p`.
    Wake { p: u32 },
    /// An M found nothing and sleeps.
    Sleep,
    /// The M holds this P from now on; with a goroutine, if `g` is not 0, that went on without one.
    Hold { g: u64 },
    /// The M has put this P down.
    Release,
    /// This P went to others while its M was at goroutine `g`.
    HandOff { g: u64, why: Reason },
    /// Deadlines that came due were looked for, and one was.
    Timer,
    /// Sockets were asked for, and some were ready.
    Net,
    /// What was queued on P `p`, or globally for [`NO_P`].
    Queue { p: u32, len: u32 },
    /// How many goroutines there were.
    Live { count: u64 },
}

/// An event as it is kept, with the M on which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Nanoseconds by `trace::clock`.
    pub(crate) at: u64,
    pub(crate) m: u32,
    pub(crate) event: Event,
}

/// On no M.
pub(crate) const NO_M: u32 = u32::MAX;
/// On no P.
pub(crate) const NO_P: u32 = u32::MAX;

impl Entry {
    pub(super) fn encode(self) -> [u64; WORDS] {
        let none = SiteId::NONE;
        let (kind, code, site, g, rest) = match self.event {
            Event::Spawn { g, by, site } => (1, 0, site, g, by),
            Event::Ready { g, by } => (2, 0, none, g, by),
            Event::Run { g, site } => (3, 0, site, g, 0),
            Event::Park { g, why } => (4, why, none, g, 0),
            Event::Yield { g } => (5, 0, none, g, 0),
            Event::End { g } => (6, 0, none, g, 0),
            Event::Steal { from } => (7, 0, none, 0, from.into()),
            Event::Wake { p } => (8, 0, none, 0, p.into()),
            Event::Sleep => (9, 0, none, 0, 0),
            Event::Hold { g } => (10, 0, none, g, 0),
            Event::Release => (11, 0, none, 0, 0),
            Event::HandOff { g, why } => (12, why as u8, none, g, 0),
            Event::Timer => (13, 0, none, 0, 0),
            Event::Net => (14, 0, none, 0, 0),
            Event::Queue { p, len } => (15, 0, none, 0, u64::from(p) << 32 | u64::from(len)),
            Event::Live { count } => (16, 0, none, 0, count),
        };
        let what = kind | u64::from(code) << 8 | u64::from(site.0) << 16 | u64::from(self.m) << 32;
        [self.at, what, g, rest]
    }

    /// `None`: no event was ever written there.
    pub(super) fn decode([at, what, g, rest]: [u64; WORDS]) -> Option<Self> {
        let (code, site, m) = ((what >> 8) as u8, SiteId((what >> 16) as u16), (what >> 32) as u32);
        let event = match what as u8 {
            1 => Event::Spawn { g, by: rest, site },
            2 => Event::Ready { g, by: rest },
            3 => Event::Run { g, site },
            4 => Event::Park { g, why: code },
            5 => Event::Yield { g },
            6 => Event::End { g },
            7 => Event::Steal { from: rest as u32 },
            8 => Event::Wake { p: rest as u32 },
            9 => Event::Sleep,
            10 => Event::Hold { g },
            11 => Event::Release,
            12 => Event::HandOff { g, why: *Reason::ALL.get(code as usize)? },
            13 => Event::Timer,
            14 => Event::Net,
            15 => Event::Queue { p: (rest >> 32) as u32, len: rest as u32 },
            16 => Event::Live { count: rest },
            _ => return None,
        };
        Some(Self { at, m, event })
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let (g, by, site) = (u64::MAX - 7, 1 << 40, SiteId(0xABCD));
        let mut events = vec![
            Event::Spawn { g, by, site },
            Event::Ready { g, by },
            Event::Run { g, site },
            Event::Park { g, why: 255 },
            Event::Yield { g },
            Event::End { g },
            Event::Steal { from: u32::MAX },
            Event::Wake { p: 3 },
            Event::Sleep,
            Event::Hold { g },
            Event::Release,
            Event::Timer,
            Event::Net,
            Event::Queue { p: NO_P, len: 7 },
            Event::Queue { p: 1, len: u32::MAX },
            Event::Live { count: g },
        ];
        events.extend(Reason::ALL.map(|why| Event::HandOff { g, why }));
        for event in events {
            for m in [0, 12, NO_M] {
                let entry = Entry { at: 1 << 62, m, event };
                assert_eq!(Entry::decode(entry.encode()), Some(entry));
            }
        }
        assert_eq!(Entry::decode([0; WORDS]), None);
        assert_eq!(Entry::decode([1, 12 | 200 << 8, 0, 0]), None);
    }
}
