//! What is not ready was not ready at one instant: `default`, and the calls that only try.
//!
//! Two threads meet for each round, and race. On one processor nothing races, and the tests pass.
#![allow(clippy::disallowed_types, reason = "std's own atomics check from outside")]

mod common;

use rt::__private::{Arm, Wait, recv_case, select, send_case};
use rt::chan::Chan;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Two threads are here at the same time, as often as they like.
#[derive(Default)]
struct Meeting(AtomicU32);

impl Meeting {
    /// The n-th time, from 1.
    fn meet(&self, n: u32) {
        self.0.fetch_add(1, Ordering::SeqCst);
        let mut looks = 0;
        while self.0.load(Ordering::SeqCst) < 2 * n {
            looks += 1;
            if looks > 1000 { thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

/// How many cases stand between the two that matter: time passes while they are looked at.
const BETWEEN: usize = 60;
const CASES: usize = BETWEEN + 2;

/// A value that is in one of two channels at every instant, wherever a `default` may look first.
#[test]
fn default_is_not_for_a_moment_that_never_was() {
    let t = common::alone();
    const ROUNDS: u32 = 5000;
    let empty: Vec<Chan<u32>> = (0..BETWEEN).map(|_| Chan::new(1)).collect();
    let (meeting, ends) = (Meeting::default(), [Chan::new(1), Chan::new(1)]);
    let mut missed = 0;
    thread::scope(|s| {
        s.spawn(|| {
            for round in 0..ROUNDS {
                let (from, to) = (round as usize % 2, 1 - round as usize % 2);
                ends[from].send(round);
                meeting.meet(2 * round + 1);
                (0..round % 64).for_each(|_| std::hint::spin_loop());
                ends[to].send(round);
                let _ = ends[from].try_recv();
                meeting.meet(2 * round + 2);
                ends.iter().for_each(|end| _ = end.try_recv());
            }
        });
        for round in 0..ROUNDS {
            let biased = round / 2 % 2 == 0;
            let mut cases: Vec<_> = Vec::with_capacity(CASES);
            cases.push(recv_case(&ends[0]));
            cases.extend(empty.iter().map(recv_case));
            cases.push(recv_case(&ends[1]));
            let mut arms = cases.iter_mut().map(|case| case.arm());
            let arms: [Arm<'_>; CASES] = std::array::from_fn(|_| arms.next().unwrap());
            meeting.meet(2 * round + 1);
            let chosen = select(arms, biased, Wait::Never);
            missed += u32::from(chosen.is_none_or(|i| i % (CASES - 1) != 0));
            meeting.meet(2 * round + 2);
            t.dog.pet();
        }
    });
    assert_eq!(missed, 0, "of {ROUNDS} rounds");
}

/// What one does with its own channel and the other's: whether it found that ready.
type Way = fn(u32, &Chan<u32>, &Chan<u32>) -> bool;

/// Each of two does something to a channel of its own, then tries the other's: not both look too
/// early. The channels are empty before, or `full`.
fn one_of_two_sees(full: bool, ways: [Way; 2]) {
    const ROUNDS: u32 = 3000;
    let (meeting, chans) = (Meeting::default(), [Chan::new(1), Chan::new(1)]);
    let play = |me: usize| -> Vec<bool> {
        let (mine, other) = (&chans[me], &chans[1 - me]);
        let round = |round| {
            if full {
                let _ = mine.try_send(round);
            }
            meeting.meet(2 * round + 1);
            let seen = ways[me](round, mine, other);
            meeting.meet(2 * round + 2);
            if !full {
                let _ = mine.try_recv();
            }
            seen
        };
        (0..ROUNDS).map(round).collect()
    };
    let (one, other) = thread::scope(|s| {
        let one = s.spawn(|| play(0));
        let other = play(1);
        (one.join().unwrap(), other)
    });
    let blind = one.iter().zip(&other).filter(|(one, other)| !**one && !**other).count();
    assert_eq!(blind, 0, "of {ROUNDS} rounds");
}

fn then_try_recv(value: u32, mine: &Chan<u32>, other: &Chan<u32>) -> bool {
    mine.send(value);
    other.try_recv().is_ok()
}

fn then_select(value: u32, mine: &Chan<u32>, other: &Chan<u32>) -> bool {
    mine.send(value);
    let mut case = recv_case(other);
    let seen = select([case.arm()], false, Wait::Never).is_some();
    if seen {
        assert!(case.finish().is_some());
    }
    seen
}

fn then_select_of_two(value: u32, mine: &Chan<u32>, other: &Chan<u32>) -> bool {
    let nobody = Chan::<u8>::new(0);
    mine.send(value);
    let (mut case, mut never) = (recv_case(other), recv_case(&nobody));
    select([never.arm(), case.arm()], false, Wait::Never).is_some()
}

#[test]
fn who_sent_first_is_seen_by_who_tries() {
    let _t = common::alone();
    let ways: [Way; 3] = [then_try_recv, then_select, then_select_of_two];
    for one in ways {
        for other in ways {
            one_of_two_sees(false, [one, other]);
        }
    }
}

/// The same the other way round: each makes room, then tries to send.
#[test]
fn who_made_room_first_is_seen_by_who_tries() {
    let _t = common::alone();
    let then_try_send: Way = |value, mine: &Chan<u32>, other: &Chan<u32>| {
        mine.recv();
        other.try_send(value).is_ok()
    };
    let then_select: Way = |value, mine: &Chan<u32>, other: &Chan<u32>| {
        mine.recv();
        select([send_case(other, value).arm()], false, Wait::Never).is_some()
    };
    for one in [then_try_send, then_select] {
        for other in [then_try_send, then_select] {
            one_of_two_sees(true, [one, other]);
        }
    }
}
