//! The hasher that maps have if they are not given another: fast, and different in every map.
//!
//! A word of input is folded into the state: `(state ^ word) * key`, a product of 128 bits whose halves are
//! xored. State and key are two secrets of 64 bits that are drawn for each map by std's [`RandomState`],
//! that is by SipHash from keys of the system.
//!
//! *Why that is not all.* Of numbers in a row, both halves go up in steps. With one key in a hundred the steps
//! take each other back in the low bits, and a few buckets get all. So the end is another multiplication, by the
//! same key: of the lower half alone, whose upper bits go into its lower ones. That costs less than one more folding.
//!
//! *What it resists.* Who sends keys in order to make them collide must know which ones do. With a
//! fixed hash function that can be found out beforehand; with two secrets per map there is nothing to prepare, and
//! what was learnt from one map (by timing, say) says nothing about another. No product is with a number that the
//! sender chose alone: both factors have a secret in them, so that none can be made zero, which would
//! swallow the state. *What it does not:* it is no cryptographic function. Who can see many hashes may compute
//! the secrets; nothing here shows any. If you must stand that, take `RandomState` itself.

use super::random::secret;
use std::any::TypeId;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::marker::PhantomData;

/// What a [`Map`](super::Map) hashes with if it is not told: a fast function with secrets of its own in every map.
///
/// Flooding a map with keys that collide takes knowledge of its secrets, which are drawn by std's
/// [`RandomState`](std::hash::RandomState). It is a few times as fast as that for short keys, and
/// not made for secrets, signatures, or hashes that others get to see.
///
/// # Examples
/// ```
/// use rt::collections::map::SeededState;
/// use std::hash::BuildHasher;
///
/// let state = SeededState::new();
/// assert_eq!(state.hash_one("Go"), state.hash_one("Go"));
/// assert_ne!(state.hash_one("Go"), SeededState::new().hash_one("Go"));
/// ```
#[derive(Clone)]
pub struct SeededState {
    seed: u64,
    key: u64,
}

impl SeededState {
    /// With new secrets.
    ///
    /// # Examples
    /// ```
    /// use rt::collections::Map;
    /// use rt::collections::map::SeededState;
    ///
    /// let map: Map<u32, u32> = Map::with_hasher(SeededState::new());
    /// assert!(map.is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        // Odd, so that no bit of a word is lost in the lower half of the product.
        Self { seed: secret(), key: secret() | 1 }
    }
}

impl Default for SeededState {
    fn default() -> Self {
        Self::new()
    }
}

impl BuildHasher for SeededState {
    type Hasher = SeededHasher;

    #[inline]
    fn build_hasher(&self) -> SeededHasher {
        SeededHasher { state: self.seed, key: self.key }
    }
}

impl fmt::Debug for SeededState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededState").finish_non_exhaustive()
    }
}

/// What [`SeededState`] makes.
///
/// # Examples
/// ```
/// use rt::collections::map::SeededState;
/// use std::hash::{BuildHasher, Hasher};
///
/// let state = SeededState::new();
/// let (mut a, mut b) = (state.build_hasher(), state.build_hasher());
/// a.write(b"ab");
/// b.write(b"a");
/// b.write(b"b");
/// assert_ne!(a.finish(), b.finish());
/// ```
#[derive(Clone)]
pub struct SeededHasher {
    state: u64,
    key: u64,
}

impl fmt::Debug for SeededHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededHasher").finish_non_exhaustive()
    }
}

/// Whether a type is [`SeededState`], known when it is compiled. The type may have lifetimes; it is
/// another one then, whatever they are.
#[inline]
pub(super) fn is_seeded<S>() -> bool {
    trait Name {
        fn name(&self) -> TypeId
        where
            Self: 'static;
    }

    impl<S> Name for PhantomData<S> {
        #[inline]
        fn name(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<S>()
        }
    }

    let nothing: &dyn Name = &PhantomData::<S>;
    // SAFETY: no value of the type is there, and its name has no lifetimes in it. So nothing outlives
    // what it borrows.
    let nothing = unsafe { std::mem::transmute::<&dyn Name, &(dyn Name + 'static)>(nothing) };
    nothing.name() == TypeId::of::<SeededState>()
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The number in the first 4 or 8 of some bytes.
#[inline]
fn number<const N: usize>(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..N].copy_from_slice(&bytes[..N]);
    u64::from_le_bytes(word)
}

impl SeededHasher {
    #[inline]
    fn word(&mut self, word: u64) {
        self.state = fold(self.state ^ word, self.key);
    }

    #[inline]
    fn pair(&mut self, a: u64, b: u64) {
        self.state = fold(self.state ^ a, self.key ^ b);
    }
}

impl Hasher for SeededHasher {
    #[inline]
    fn finish(&self) -> u64 {
        let product = self.state.wrapping_mul(self.key);
        product ^ (product >> 32)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let len = bytes.len();
        // The same bytes in fewer writes, or more, are something else; and so is a zero more. Times a secret: what is added is
        // xored with the bytes, and a bare length is what bytes can take back.
        self.state = self.state.wrapping_add((len as u64).wrapping_mul(self.key));
        match len {
            0 => self.word(0),
            1..4 => {
                let middle = u64::from(bytes[len / 2]) << 8;
                self.word(u64::from(bytes[0]) << 16 | middle | u64::from(bytes[len - 1]));
            }
            4..8 => self.pair(number::<4>(bytes), number::<4>(&bytes[len - 4..])),
            8..=16 => self.pair(number::<8>(bytes), number::<8>(&bytes[len - 8..])),
            _ => self.long(bytes),
        }
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.word(n.into());
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.word(n.into());
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.word(n.into());
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    #[inline]
    fn write_u128(&mut self, n: u128) {
        self.pair(n as u64, (n >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }
}

impl SeededHasher {
    /// More than 16 bytes: pairs of words, and the last 16 once more.
    fn long(&mut self, bytes: &[u8]) {
        let (blocks, _) = bytes.as_chunks::<16>();
        for block in blocks {
            self.pair(number::<8>(block), number::<8>(&block[8..]));
        }
        let last = &bytes[bytes.len() - 16..];
        self.pair(number::<8>(last), number::<8>(&last[8..]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::Hash;

    fn all_differ<T: Hash>(keys: impl IntoIterator<Item = T>) -> usize {
        let state = SeededState::new();
        let hashes: Vec<_> = keys.into_iter().map(|key| state.hash_one(key)).collect();
        let distinct: HashSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
        hashes.len()
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes, and has nothing unsafe")]
    fn bytes_of_every_length_differ() {
        let text = [0_u8; 200];
        all_differ((0..200).map(|len| &text[..len]));
        // Each single bit of every length counts.
        for len in 1..70 {
            let flipped = (0..8 * len).map(|bit| {
                let mut bytes = vec![0x5a_u8; len];
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            });
            assert_eq!(all_differ(flipped), 8 * len);
        }
    }

    /// Bytes do not take the length back, whatever the secrets are.
    #[test]
    #[cfg_attr(miri, ignore = "takes minutes, and has nothing unsafe")]
    fn texts_of_several_lengths_differ() {
        let like =
            ["a", "aa", "ab", "abc", "aac", "go", "gon", "aaaaaaaa", "`aaaaaaaa", "aaaaaaaaa"];
        (0..200).for_each(|_| _ = all_differ(like));
        let words = ["ab", "abc", "go", "gon"];
        let texts = (0..4_usize.pow(6))
            .map(|n| (0..6).map(|i| words[n >> (2 * i) & 3]).collect::<Vec<_>>());
        assert_eq!(all_differ(texts), 4096);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes, and has nothing unsafe")]
    fn numbers_spread_over_the_upper_and_the_lower_bits() {
        let state = SeededState { seed: 0x243F_6A88_85A3_08D3, key: 0x1319_8A2E_0370_7345 };
        for shift in [0, 8, 20, 32, 40, 48] {
            let (mut low, mut high) = ([0_u32; 256], [0_u32; 256]);
            for n in 0..65_536_u64 {
                let hash = state.hash_one(n << shift);
                low[(hash & 255) as usize] += 1;
                high[(hash >> 56) as usize] += 1;
            }
            // 256 each are expected, with a deviation of 16.
            for counts in [low, high] {
                assert!(counts.iter().all(|n| (100..=450).contains(n)), "{shift}: {counts:?}");
            }
        }
    }

    /// With each of many secrets, no bucket gets much more than it would by chance: numbers in a row, which are what maps are
    /// filled with.
    #[test]
    #[cfg_attr(miri, ignore = "takes minutes, and has nothing unsafe")]
    fn no_secrets_crowd_numbers_in_a_row() {
        const BUCKETS: usize = 32;
        let crowd = |state: &SeededState, which: fn(u64) -> u64| {
            let (mut low, mut high) = ([0_u32; BUCKETS], [0_u32; BUCKETS]);
            for n in 0..BUCKETS as u64 * 6 {
                let hash = state.hash_one(which(n));
                low[hash as usize % BUCKETS] += 1;
                high[(hash >> 56) as usize % BUCKETS] += 1;
            }
            low.into_iter().chain(high).max().unwrap_or(0)
        };
        let numbers: [fn(u64) -> u64; 8] = [
            |n| n,
            |n| 3 * n,
            |n| 8 * n,
            |n| n << 6,
            |n| n << 12,
            |n| n << 32,
            |n| n << 48,
            |n| (n as f64).to_bits(),
        ];
        let mut secret = 0_u64;
        for _ in 0..1000 {
            let mut next = || {
                secret = secret.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (secret ^ (secret >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                mixed ^ (mixed >> 31)
            };
            let state = SeededState { seed: next(), key: next() | 1 };
            for (i, which) in numbers.into_iter().enumerate() {
                // Six are expected; by chance there are 25 about once in ten million buckets.
                let most = crowd(&state, which);
                assert!(most < 27, "{i}: {most} with {:#x}, {:#x}", state.seed, state.key);
            }
        }
    }

    #[test]
    fn the_default_hasher_is_known_and_no_other_is() {
        #[allow(dead_code, reason = "its type alone is looked at")]
        fn with_lifetime<'a>(_: &'a SeededState) -> bool {
            is_seeded::<&'a SeededState>() || is_seeded::<Option<&'a SeededState>>()
        }

        assert!(is_seeded::<SeededState>());
        assert!(!is_seeded::<std::hash::RandomState>());
        assert!(!with_lifetime(&SeededState::new()));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", SeededState::new()), "SeededState { .. }");
    }
}
