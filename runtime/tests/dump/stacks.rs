//! Stacks that are walked: the smallest, those of pinned goroutines, and many that are equal.

use crate::common::{self, builder, runtime};
use crate::{assert_frames, done, dump_when_all_wait, named, outer_frame, spawn};
use rt::chan::Chan;
use rt::debug::Goroutine;
use std::time::Duration;

#[test]
fn on_the_smallest_stacks() {
    let _t = common::test();
    // So deep that half of the stack is left, for a wait may take another way than most: frames are large in debug builds.
    const LEVELS: u64 = if cfg!(debug_assertions) { 30 } else { 60 };
    builder(2).stack_size(32 << 10).build().unwrap().run(|| {
        let ch = Chan::<()>::new(0);
        // As deep as that, and a little less.
        #[inline(never)]
        fn deep(ch: &Chan<()>, levels: u64) -> u64 {
            let frame = std::hint::black_box([levels; 8]);
            if levels == 0 {
                outer_frame(|| done(ch.recv()));
                return 0;
            }
            deep(ch, levels - 1) + std::hint::black_box(frame)[0]
        }
        let all: Vec<_> = (0..LEVELS)
            .map(|levels| {
                let ch = ch.clone();
                spawn("deep", move || done(std::hint::black_box(deep(&ch, levels))))
            })
            .collect();
        for _ in 0..3 {
            let dump = dump_when_all_wait(all.len());
            dump.goroutines().iter().filter(|g| g.name().is_some()).for_each(assert_frames);
            let depths = |g: &&Goroutine| {
                g.backtrace().iter().filter(|f| f.function().contains("deep")).count()
            };
            let deepest = dump.goroutines().iter().map(|g| depths(&g) as u64).max().unwrap();
            assert!(deepest >= LEVELS, "{deepest}");
        }
        ch.close();
        all.into_iter().for_each(|g| g.join().unwrap());
    });
}

#[test]
fn pinned_ones_that_stand_on_their_threads() {
    let _t = common::test();
    runtime(2).run(|| {
        let ch = Chan::<()>::new(0);
        let rx = ch.clone();
        let pinned = spawn("pinned", move || {
            let _pin = rt::task::pin_thread();
            outer_frame(|| done(rx.recv_timeout(Duration::from_secs(3600))));
        });
        for _ in 0..20 {
            let dump = dump_when_all_wait(1);
            let g = named(&dump, "pinned");
            assert!(g.is_pinned() && g.thread().is_some(), "{g}");
            assert!(g.to_string().contains("locked to thread"), "{g}");
            assert!(g.time_left().is_some_and(|left| left > Duration::from_secs(1800)), "{g}");
            assert_frames(g);
        }
        ch.send(());
        pinned.join().unwrap();
    });
}

#[test]
fn equal_stacks_are_folded() {
    let _t = common::test();
    runtime(2).run(|| {
        let ch = Chan::<()>::new(0);
        let all: Vec<_> =
            (0..200).map(|_| rt::go!(ch => outer_frame(|| done(ch.recv())))).collect();
        let dump = dump_when_all_wait(200);
        let text = dump.to_string();
        // On a busy machine the first of them have waited for a second.
        assert!(text.contains("200 goroutines [chan receive"), "{text}");
        assert!(text.contains("and 136 more"), "{text}");
        assert_eq!(text.matches("outer_frame").count(), 1, "{text}");
        let json = dump.to_json();
        assert_eq!(json.matches(r#""kind":"chan receive""#).count(), 200);
        assert!(json.matches("outer_frame").count() < 4, "{json}");
        ch.close();
        all.into_iter().for_each(|g| g.join().unwrap());
    });
}
