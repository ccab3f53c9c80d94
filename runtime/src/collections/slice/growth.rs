//! By how much a slice grows.

#![forbid(unsafe_code)]

/// How the capacity of a [`Slice`](super::Slice) grows when an append does not fit.
///
/// Go rounds the result up to a size that its allocator has; here it is what the formula says. Elements without a size
/// take no memory: a slice of them that grows has a capacity of exactly its length.
///
/// # Examples
/// ```
/// use rt::collections::{Growth, Slice};
///
/// let grown = |growth| {
///     let full = Slice::from_vec(vec![0_u8; 512]).with_growth(growth);
///     full.append(1).cap()
/// };
/// assert_eq!(grown(Growth::Classic), 1024);
/// assert_eq!(grown(Growth::Modern), 832);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Growth {
    /// Go's until 1.17: twice the capacity below 1024, then by a quarter of it.
    #[default]
    Classic,
    /// Go's since 1.18: twice the capacity below 256, then by a quarter of it and 192, so that the factor goes smoothly
    /// from 2 to 1.25.
    Modern,
}

impl Growth {
    /// The capacity after one of `old` was found too small for `needed` elements: at least `needed`.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Growth;
    ///
    /// assert_eq!(Growth::Classic.next(4, 5), 8);
    /// assert_eq!(Growth::Classic.next(4, 9), 9); // more than twice as many
    /// assert_eq!(Growth::Classic.next(1024, 1025), 1280);
    /// assert_eq!(Growth::Modern.next(1024, 1025), 1472);
    /// ```
    #[must_use]
    pub const fn next(self, old: usize, needed: usize) -> usize {
        let double = old.saturating_mul(2);
        if needed > double {
            return needed;
        }
        let (threshold, extra) = match self {
            Growth::Classic => (1024, 0),
            Growth::Modern => (256, 768),
        };
        if old < threshold {
            return double;
        }
        let mut cap = old;
        while cap < needed {
            let more = cap.saturating_add(extra) / 4;
            cap = match cap.checked_add(more) {
                Some(cap) => cap,
                None => return needed,
            };
        }
        cap
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::Growth::{self, Classic, Modern};

    /// The capacities that appends of one element each lead through.
    fn steps(growth: Growth, from: usize, count: usize) -> Vec<usize> {
        let next = |cap: &usize| Some(growth.next(*cap, cap + 1));
        std::iter::successors(Some(from), next).take(count).collect()
    }

    #[test]
    fn capacities_of_the_classic_policy() {
        assert_eq!(steps(Classic, 0, 6), [0, 1, 2, 4, 8, 16]);
        assert_eq!(steps(Classic, 512, 6), [512, 1024, 1280, 1600, 2000, 2500]);
        assert_eq!(steps(Classic, 1023, 3), [1023, 2046, 2557]);
    }

    #[test]
    fn capacities_of_the_modern_policy() {
        assert_eq!(steps(Modern, 0, 6), [0, 1, 2, 4, 8, 16]);
        assert_eq!(steps(Modern, 128, 6), [128, 256, 512, 832, 1232, 1732]);
        assert_eq!(steps(Modern, 255, 3), [255, 510, 829]);
    }

    #[test]
    fn many_at_once() {
        for growth in [Classic, Modern] {
            assert_eq!(growth.next(0, 5), 5);
            assert_eq!(growth.next(10, 21), 21);
            assert_eq!(growth.next(10, 20), 20);
            assert_eq!(growth.next(10, 11), 20);
        }
        assert_eq!(Classic.next(1024, 2000), 2000); // 1280, 1600, 2000
        assert_eq!(Classic.next(1024, 2001), 2500);
        assert_eq!(Modern.next(1024, 2048), 2732); // 1472, 2032, 2732
    }

    #[test]
    fn never_less_than_needed_nor_beyond_the_end() {
        for growth in [Classic, Modern] {
            for old in [0, 1, 255, 256, 1023, 1024, usize::MAX / 2, usize::MAX - 1] {
                for needed in [old + 1, old.saturating_mul(2), old.saturating_mul(3), usize::MAX] {
                    if needed > old {
                        assert!(growth.next(old, needed) >= needed, "{growth:?} {old} {needed}");
                    }
                }
            }
        }
    }
}
