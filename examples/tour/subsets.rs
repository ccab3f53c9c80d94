//! All subsets of 1, 2, 3 (LeetCode 78). With Go's slices what was kept is overwritten by what is appended later, unless
//! it is copied. A `ForkSlice` shares as much and overwrites nothing, and goroutines may have parts of it.
//!
//! ```text
//! == subsets: overwritten, copied, forked
//! kept as they are: [[] [3] [1 3] [1 2 3] [1 3] [3] [2 3] [3]]
//! copied:           [[] [1] [1 2] [1 2 3] [1 3] [2] [2 3] [3]]
//! forked:           [[] [1] [1 2] [1 2 3] [1 3] [2] [2 3] [3]]
//! summed by goroutines: [0 1 3 6 4 2 5 3]
//! ```

use rt::collections::{ForkSlice, Slice};
use rt::go;

type Keep = fn(&Slice<i32>) -> Slice<i32>;

fn subsets(rest: &[i32], kept: &mut Slice<Slice<i32>>, mut path: Slice<i32>, keep: Keep) {
    kept.push(keep(&path));
    for (i, n) in rest.iter().enumerate() {
        path = path.append(*n);
        subsets(&rest[i + 1..], kept, path.clone(), keep);
        path = path.reslice(..path.len() - 1);
    }
}

fn forked(rest: &[i32], kept: &mut ForkSlice<ForkSlice<i32>>, mut path: ForkSlice<i32>) {
    kept.push(path.clone());
    for (i, n) in rest.iter().enumerate() {
        path.push(*n);
        forked(&rest[i + 1..], kept, path.clone());
        path.truncate(path.len() - 1);
    }
}

pub(crate) fn run() {
    let with = |keep| {
        let mut kept = Slice::nil();
        subsets(&[1, 2, 3], &mut kept, Slice::nil(), keep);
        kept
    };
    println!("kept as they are: {}", with(Slice::clone));
    println!("copied:           {}", with(|path| Slice::nil().append_slice(path)));

    let mut kept = ForkSlice::new();
    forked(&[1, 2, 3], &mut kept, ForkSlice::new());
    println!("forked:           {kept}");
    let sums = kept.into_iter().map(|set| go!(move || set.iter().sum::<i32>()));
    let sums: Vec<_> = Vec::from_iter(sums);
    let sums: ForkSlice<i32> = sums.into_iter().map(|sum| sum.join().unwrap()).collect();
    println!("summed by goroutines: {sums}");
}
