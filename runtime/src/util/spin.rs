//! Waiting awake for a moment.

/// Spins for so many nanoseconds, or a little longer: by the clock, for one pause takes a processor from 10 to 60 of them. In
/// a model it is others' turn.
#[inline]
pub(crate) fn spin_for(nanos: u64) {
    #[cfg(any(loom, shuttle))]
    {
        let _ = nanos;
        crate::prim::spin_hint();
    }
    #[cfg(not(any(loom, shuttle)))]
    {
        let time = std::time::Duration::from_nanos(nanos);
        let start = super::real_now();
        while super::real_now() - start < time {
            crate::prim::spin_hint();
        }
    }
}
