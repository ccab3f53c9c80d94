//! A `collections::Map` grows a little with each write, as Go's did: buckets of eight, and while it grows an old array
//! beside the new one. `x` went to the bucket of the same number, `y` to the upper half; `?` is still to be written.
//!
//! ```text
//! == growth: a map while it grows
//! 26 keys: 4 buckets
//! the 27th: 8 buckets, 2 of 4 old ones evacuated
//! reads move nothing: 8 buckets, 2 of 4 old ones evacuated
//! old
//!   0  [ x y x y y x . . ]
//!   1  [ x y x x y y y . ]
//!   2  [ 78:6 35:8 dd:11 86:13 c8:16 98:21 . . ]
//!   3  [ 6d:4 bb:5 e4:9 0c:10 d2:15 1e:20 5d:23 . ]
//! new
//!   0  [ . . . . . . . . ]
//! and the next write: 8 buckets
//! taken out while going through it: 14 left of 27
//! ```

use rt::collections::Map;
use std::hash::{BuildHasherDefault, Hasher};

/// Each number is its own hash, so that this prints the same every time. (The map mixes it.)
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }
}

pub(crate) fn run() {
    let mut map: Map<u8, (), BuildHasherDefault<Plain>> = Map::default();
    (0..26).for_each(|n| _ = map.insert(n, ()));
    println!("26 keys: {}", map.grow_state());
    map.insert(26, ());
    println!("the 27th: {}", map.grow_state());
    assert!((0..27).all(|n| map.contains_key(&n)));
    println!("reads move nothing: {}", map.grow_state());
    print!("{}", map.picture());
    map.insert(0, ());
    println!("and the next write: {}", map.grow_state());

    let mut range = map.range(); // borrows nothing
    while let Some(n) = range.next(&mut map) {
        if n % 2 == 1 {
            map.remove(&n);
        }
    }
    println!("taken out while going through it: {} left of 27", map.len());
}
