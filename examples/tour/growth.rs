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
//!   1  [ y y x x x x y y ]
//!   2  [ da:3 78:4 17:5 a7:14 45:15 d5:24 73:25 11:26 ]
//!   3  [ 3c:2 53:7 6a:12 81:17 98:22 . . . ]
//! new
//!   0  [ 05:0 8f:9 5c:20 . . . . . ]
//!   1  [ cc:11 08:13 e3:16 1f:18 . . . . ]
//!   2  ?
//!   3  ?
//!   4  [ f1:8 2e:10 be:19 . . . . . ]
//!   5  [ 9e:1 b5:6 fa:21 36:23 . . . . ]
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
