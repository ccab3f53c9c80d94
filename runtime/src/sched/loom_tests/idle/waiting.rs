//! Ps that find no thread, and who waits for one in line.
//!
//! Broken on purpose, and noticed: a claim that fails and does not look at the line; that looks without a fence; that looks
//! once only.

use super::{World, one, producer, take};
use loom::sync::Arc;
use loom::sync::atomic::Ordering;

/// No thread is to be had, and none is needed for who waits for a P with one, while the last P's holder blocks.
#[test]
fn one_in_line_and_an_m_that_blocks() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1, 1, &[]));
        world.begin(0);
        let other = producer(&world, World::wait_for_p);
        world.hand_off(0);
        other.join().unwrap();
        assert_eq!(world.served.load(Ordering::Relaxed), 1, "it waits beside an idle P");
    });
}

/// The same, while others claim Ps in vain for something else.
#[test]
fn one_in_line_and_claims_that_find_no_thread() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 0, 0, &[]));
        let others = [(); 2].map(|()| producer(&world, World::inject));
        world.wait_for_p();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(world.served.load(Ordering::Relaxed), 1, "it waits beside an idle P");
    });
}

/// The first of two in line gets the P of somebody who looked, while a claim that has found no thread takes one for it.
#[test]
fn two_in_line_and_a_claim_that_finds_no_thread() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 0, 0, &[]));
        let held = world.idle.take_p();
        assert!(held.is_some());
        let claimed = world.idle.take_p().expect("there are two");
        world.line.fetch_add(1, Ordering::Relaxed);
        let claim = producer(&world, move |world| match world.idle.unclaim(claimed, false) {
            true => world.surplus(),
            false => world.serve_waiting(),
        });
        let holder = producer(&world, |world| {
            // As `next_waiting`, and `send_home`: the P that is held has another holder.
            if take(&world.line, one) != 0 {
                world.served.fetch_add(1, Ordering::Relaxed);
            }
        });
        world.wait_for_p();
        claim.join().unwrap();
        holder.join().unwrap();
        let in_line = world.line.load(Ordering::Relaxed);
        assert!(in_line == 0 || world.idle.idle_ps() == 0, "{in_line} wait beside an idle P");
    });
}
