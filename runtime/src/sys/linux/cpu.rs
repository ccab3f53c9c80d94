//! How many CPUs this process may use.
//!
//! The answer is the smaller of what the scheduler allows (affinity, cpusets) and what the cgroup
//! pays for (a CPU quota, rounded up: 1.5 CPUs keep two threads busy part of the time), at least 1.

use super::cgroup;

/// The number of CPUs worth running threads on.
pub(crate) fn cpus() -> usize {
    let allowed = affinity().or_else(online).unwrap_or(1);
    let paid = cgroup::cpu_quota().unwrap_or(usize::MAX);
    allowed.min(paid).max(1)
}

/// CPUs in the affinity mask of this thread, which new threads inherit.
fn affinity() -> Option<usize> {
    // The kernel refuses a mask smaller than its own: 1024 CPUs nearly always do.
    let mut words = 1024 / 64;
    while words <= 64 * 1024 / 64 {
        let mut mask = vec![0_u64; words];
        // SAFETY: the pointer and the size in bytes describe `mask`, and the kernel writes there
        // only.
        let rc = unsafe { libc::sched_getaffinity(0, words * 8, mask.as_mut_ptr().cast()) };
        if rc == 0 {
            let count: u32 = mask.iter().map(|word| word.count_ones()).sum();
            return usize::try_from(count).ok().filter(|&count| count > 0);
        }
        words *= 2;
    }
    None
}

fn online() -> Option<usize> {
    // SAFETY: sysconf reads a system value and touches no memory of ours.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(count).ok().filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_zero_and_never_more_than_allowed() {
        let count = cpus();
        assert!(count >= 1);
        assert!(count <= affinity().unwrap());
    }

    #[test]
    fn a_narrow_mask_counts() {
        std::thread::spawn(|| {
            let mut mask = [0_u64; 1024 / 64];
            // SAFETY: pointer and size describe `mask`.
            let rc = unsafe { libc::sched_getaffinity(0, 128, mask.as_mut_ptr().cast()) };
            assert_eq!(rc, 0);
            let first = mask.iter().position(|&word| word != 0).unwrap();
            let mut one = [0_u64; 1024 / 64];
            one[first] = 1 << mask[first].trailing_zeros();
            // SAFETY: pointer and size describe `one`; only this thread's mask changes.
            let rc = unsafe { libc::sched_setaffinity(0, 128, one.as_ptr().cast()) };
            assert_eq!(rc, 0);
            assert_eq!(affinity(), Some(1));
            assert_eq!(cpus(), 1);
        })
        .join()
        .unwrap();
    }
}
