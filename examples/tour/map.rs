//! A `sync::Map` is a hash map that goroutines share without a lock around it. What one of them does to a key is done as
//! a whole: stored if it is missing, swapped if it is still the same. Its iteration goes on while the map changes.
//!
//! ```text
//! == map: shared without a lock
//! 100 goroutines counted 3 words: [("be", 34), ("or", 33), ("to", 33)]
//! stored by one of 10: true
//! deleted while it was walked through: 2 left
//! borrowed, not cloned: 5 letters
//! ```

use rt::sync::Map;

static WORDS: Map<&str, u32> = Map::new();

/// One more, whatever others do meanwhile.
fn count(word: &'static str) {
    loop {
        let (n, was_there) = WORDS.load_or_store(word, 1);
        if !was_there || WORDS.compare_and_swap(word, &n, n + 1) {
            return;
        }
    }
}

pub(crate) fn run() {
    rt::scope(|s| {
        for word in ["be", "or", "to"].into_iter().cycle().take(100) {
            s.spawn(move || count(word));
        }
    });
    let mut counts = Vec::new();
    WORDS.range(|word, n| {
        counts.push((*word, *n));
        true // go on
    });
    counts.sort_unstable();
    println!("100 goroutines counted {} words: {counts:?}", WORDS.len());

    let first = Map::new();
    let stored = rt::scope(|s| {
        let first = &first;
        let all = (0..10).map(|n| s.spawn(move || first.load_or_store("x", n).1));
        let all = Vec::from_iter(all).into_iter().map(|one| one.join().unwrap());
        all.filter(|was_there| !was_there).count()
    });
    println!("stored by one of 10: {}", stored == 1);

    WORDS.range(|word, n| {
        if *n == 34 {
            WORDS.delete(word);
        }
        true
    });
    println!("deleted while it was walked through: {} left", WORDS.len());

    let texts = Map::from([(1, "share".to_string())]);
    println!("borrowed, not cloned: {} letters", texts.load_with(&1, String::len).unwrap());
}
