//! A `SingleFlight` runs a function once for all who ask for the same at the same time: what is missing in a cache is then
//! fetched once, not by everybody who misses it. On one processor, so that the ten are there before the fetch is over.
//!
//! ```text
//! == single_flight: one call for all
//! 10 readers of /index.html, 1 fetch
//! every one has "<h1>1</h1>", shared: true
//! it keeps nothing: the next has "<h1>2</h1>", shared: false
//! forgotten in the middle of it: "<h1>4</h1>" inside "<h1>3</h1>"
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use rt::Runtime;
use rt::sync::SingleFlight;

static PAGES: SingleFlight<&str, String> = SingleFlight::new();
static FETCHES: AtomicU32 = AtomicU32::new(0);
const PATH: &str = "/index.html";

fn fetch() -> String {
    let n = FETCHES.fetch_add(1, Ordering::Relaxed) + 1;
    // As a slow connection would, it lets the others run.
    for _ in 0..3 {
        rt::yield_now();
    }
    format!("<h1>{n}</h1>")
}

fn ten_readers() -> Vec<(String, bool)> {
    rt::scope(|s| {
        let readers: Vec<_> = (0..10).map(|_| s.spawn(|| PAGES.run(PATH, fetch))).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    })
}

pub(crate) fn run() {
    let one_processor = Runtime::builder().procs(1).build().unwrap();
    let pages = one_processor.run(ten_readers);
    let fetches = FETCHES.load(Ordering::Relaxed);
    println!("{} readers of {PATH}, {fetches} fetch", pages.len());
    let (page, shared) = &pages[0];
    assert!(pages.iter().all(|other| other == &pages[0]));
    println!("every one has {page:?}, shared: {shared}");

    let (page, shared) = PAGES.run(PATH, fetch);
    println!("it keeps nothing: the next has {page:?}, shared: {shared}");

    let (outer, _) = PAGES.run(PATH, || {
        let page = fetch();
        PAGES.forget(PATH); // or it would wait for itself
        let (inner, _) = PAGES.run(PATH, fetch);
        format!("{inner:?} inside {page:?}")
    });
    println!("forgotten in the middle of it: {outer}");
}
