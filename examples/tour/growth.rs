//! A `collections::Map` grows a little with each write, as Go's did: buckets of eight, and while it grows an old array
//! beside the new one. `x` went to the bucket of the same number, `y` to the upper half; `?` is still to be written.
//!
//! ```text
//! == growth: a map while it grows
//! 26 keys: 4 buckets + 1 overflow
//! the 27th: 8 buckets, 2 of 4 old ones evacuated
//! reads move nothing: 8 buckets, 2 of 4 old ones evacuated
//! old
//!   0  [ y y x y y x y . ]
//!   1  [ x x y x y x y y ]
//!   2  [ e0:8 d9:17 87:18 . . . . . ]
//!   3  [ 1b:4 2f:10 f4:11 f9:12 7e:15 ef:22 bd:24 . ]
//! new
//!   0  [ 1d:9 30:20 f5:26 . . . . . ]
//!   1  [ 50:0 2e:2 3e:6 ed:14 50:25 . . . ]
//!   2  ?
//!   3  ?
//!   4  [ 96:1 d8:3 07:13 9b:16 07:23 . . . ]
//!   5  [ dc:5 2f:7 5e:19 8e:21 . . . . ]
//!   6  ?
//!   7  ?
//! and the next write: 8 buckets
//! taken out while going through it: 14 left of 27
//! ```

use rt::collections::Map;
use std::hash::{BuildHasherDefault, DefaultHasher};

pub(crate) fn run() {
    // A hasher without secrets, so that this prints the same every time.
    let mut map: Map<u8, (), BuildHasherDefault<DefaultHasher>> = Map::default();
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
