//! The tracing seam: each event of the scheduler has one call site of [`emit`].
//!
//! Nothing listens yet, and an empty inlined function costs nothing.

#![forbid(unsafe_code)]

/// What happened to a goroutine, a P or an M.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "the fields are for the listener that is still to come")]
pub(crate) enum Event {
    /// A goroutine was made and queued.
    Spawn { g: u64 },
    /// A goroutine began or went on, on this P.
    Run { p: u32 },
    /// A goroutine left its P to wait.
    Park { reason: u8 },
    /// A goroutine was made runnable.
    Ready,
    /// A goroutine ended.
    End { g: u64 },
    /// This P took work from that one.
    Steal { from: u32 },
    /// An M was woken, or started, for this P.
    WakeM { p: u32 },
    /// An M found nothing and sleeps.
    SleepM { m: u32 },
    /// A P was handed over because its M blocks.
    Handoff { p: u32 },
}

/// Records `event`.
#[inline(always)]
pub(crate) fn emit(_event: Event) {}
