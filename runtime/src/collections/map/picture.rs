//! Seeing inside: how far a growth is, and what the buckets hold.

use super::Map;
use super::bucket::Ptr;
use super::marks::{CELLS, EMPTY_ONE, EMPTY_REST, EVACUATED_EMPTY, EVACUATED_X, EVACUATED_Y};
use super::table::Table;
use std::fmt;

/// How large a map is and how far its growth, from [`Map::grow_state`].
///
/// # Examples
/// ```
/// use rt::collections::Map;
///
/// let mut map: Map<_, _> = (0..27).map(|n| (n, ())).collect();
/// map.shrink_to_fit();
/// let state = map.grow_state();
/// assert_eq!((state.buckets, state.old_buckets), (8, 0));
/// println!("{state}"); // 8 buckets
///
/// let mut map = Map::new();
/// (0..27).for_each(|n| _ = map.insert(n, ()));
/// let state = map.grow_state();
/// assert_eq!((state.buckets, state.old_buckets, state.evacuated), (8, 4, 2));
/// println!("{state}"); // 8 buckets, 2 of 4 old ones evacuated
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrowState {
    /// 2^B: 0 before the first insert.
    pub buckets: usize,
    /// Buckets of the old array: 0 unless the map grows. As many as `buckets` if it grows at
    /// the same size, to get rid of long chains.
    pub old_buckets: usize,
    /// How many of those have been evacuated.
    pub evacuated: usize,
    /// Overflow buckets of the array.
    pub overflow: usize,
    /// Those of what is left of the old one.
    pub old_overflow: usize,
}

impl GrowState {
    /// Whether there is an old array.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([(1, 1)]);
    /// assert!(!map.grow_state().is_growing());
    /// ```
    #[must_use]
    pub fn is_growing(&self) -> bool {
        self.old_buckets != 0
    }
}

impl fmt::Display for GrowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |n| if n == 1 { "" } else { "s" };
        write!(f, "{} bucket{}", self.buckets, s(self.buckets))?;
        if self.overflow != 0 {
            write!(f, " + {} overflow", self.overflow)?;
        }
        if self.is_growing() {
            write!(f, ", {} of {} old ones evacuated", self.evacuated, self.old_buckets)?;
        }
        Ok(())
    }
}

/// A text picture of a map's buckets, from [`Map::picture`].
///
/// # Examples
/// See [`Map::picture`].
pub struct Picture<'a, K, V>(&'a Table<K, V>);

impl<K, V, S> Map<K, V, S> {
    /// How large it is, and how far it has grown.
    ///
    /// # Examples
    /// ```
    /// let mut map = rt::collections::Map::new();
    /// assert_eq!(map.grow_state().buckets, 0);
    /// map.insert(1, 1);
    /// assert_eq!(map.grow_state().buckets, 1);
    /// ```
    #[must_use]
    pub fn grow_state(&self) -> GrowState {
        let Table { now, old, done, overflow, old_overflow, .. } = &self.table;
        GrowState {
            buckets: now.as_ref().map_or(0, |now| now.len()),
            old_buckets: old.as_ref().map_or(0, |old| old.len()),
            evacuated: *done,
            overflow: *overflow,
            old_overflow: *old_overflow,
        }
    }

    /// All its buckets, with their marks and keys, to be printed.
    ///
    /// A line for each bucket: its number, then for each cell `mark:key`, the mark in
    /// hexadecimal as it lies beside the key. `.` is an empty cell with nothing behind it,
    /// `-` one that was emptied. In an evacuated bucket `x` and `y` tell where keys went: to the
    /// bucket of the same number, or to that in the upper half. `?` is a bucket that is still to be
    /// written.
    ///
    /// # Examples
    /// ```
    /// let map = rt::collections::Map::from([(7, "seven")]);
    /// let picture = map.picture().to_string(); // such as "  0  [ c4:7 . . . . . . . ]\n"
    /// assert!(picture.starts_with("  0  [ "));
    /// assert!(picture.ends_with(":7 . . . . . . . ]\n"));
    /// ```
    #[must_use]
    pub fn picture(&self) -> Picture<'_, K, V> {
        Picture(&self.table)
    }
}

impl<K: fmt::Debug, V> fmt::Display for Picture<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(now) = &self.0.now else { return writeln!(f, "no buckets") };
        if let Some(old) = &self.0.old {
            writeln!(f, "old")?;
            for number in 0..old.len() {
                match self.0.chain(number).filter(|_| number >= self.0.done) {
                    Some(head) => chain(f, number, head)?,
                    None => evacuated(f, number, self.0.left_behind(number))?,
                }
            }
            writeln!(f, "new")?;
        }
        for number in 0..now.len() {
            match self.0.chain(number).filter(|_| !self.0.is_old(number)) {
                Some(head) => chain(f, number, head)?,
                None => writeln!(f, "{number:>3}  ?")?,
            }
        }
        Ok(())
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Picture<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn chain<K: fmt::Debug, V>(
    f: &mut fmt::Formatter<'_>,
    number: usize,
    head: Ptr<K, V>,
) -> fmt::Result {
    write!(f, "{number:>3}  ")?;
    let mut bucket = Some(head);
    while let Some(some) = bucket {
        let marks = some.marks();
        f.write_str("[ ")?;
        for cell in 0..CELLS {
            match marks.get(cell) {
                EMPTY_REST => f.write_str(". ")?,
                EMPTY_ONE => f.write_str("- ")?,
                // SAFETY: the chain is live, and the cell full.
                top => write!(f, "{top:02x}:{:?} ", unsafe { &*some.key(cell) })?,
            }
        }
        f.write_str("]")?;
        bucket = some.next();
        if bucket.is_some() {
            f.write_str(" -> ")?;
        }
    }
    writeln!(f)
}

fn evacuated<K, V>(
    f: &mut fmt::Formatter<'_>,
    number: usize,
    bucket: Option<Ptr<K, V>>,
) -> fmt::Result {
    let Some(bucket) = bucket else { return writeln!(f, "{number:>3}  given back") };
    write!(f, "{number:>3}  [ ")?;
    for cell in 0..CELLS {
        f.write_str(match bucket.marks().get(cell) {
            EVACUATED_X => "x ",
            EVACUATED_Y => "y ",
            EVACUATED_EMPTY => ". ",
            other => unreachable!("{other} is no mark of an evacuated cell"),
        })?;
    }
    writeln!(f, "]")
}
