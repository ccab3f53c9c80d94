//! From the choice to its completion: what is kept meanwhile, and what becomes of it.

use crate::common::{self, Tally, Token, eventually_yielding, panic_text, runtime};
use crate::{LONG, SHORT, on_one_and_two, parked, send};
use rt::chan::{Chan, RecvTimeoutError, Select, TryRecvError, TrySendError, bounded};

const UNCOMPLETED: &str = "dropped `SelectedOperation` without completing the operation";

#[test]
fn a_claimed_receiver_waits_whatever_its_deadline() {
    let _t = common::test();
    for procs in [1, 2] {
        runtime(procs).run(|| {
            let ch = Chan::new(0);
            for kind in 0..3 {
                let receiver = parked({
                    let ch = ch.clone();
                    move || match kind {
                        0 => ch.recv_timeout(10 * SHORT).ok(),
                        1 => rt::select! {
                            recv(ch) -> value => value,
                            default(10 * SHORT) => None,
                        },
                        _ => {
                            let mut select = Select::new();
                            select.recv(&ch);
                            select.select_timeout(10 * SHORT).ok().and_then(|c| c.recv(&ch))
                        }
                    }
                });
                let mut select = Select::new();
                select.send(&ch);
                let chosen = select.select_timeout(LONG).unwrap();
                // Time is up, and it is aborted; it has been promised a value.
                rt::time::sleep(15 * SHORT);
                receiver.abort();
                rt::time::sleep(SHORT);
                chosen.send(&ch, 7);
                match receiver.join() {
                    Ok(got) => assert_eq!(got, Some(7), "{kind}"),
                    // It has got it, and was ended by something later.
                    Err(e) => assert!(e.is_cancelled()),
                }
                assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
            }
        });
    }
}

#[test]
fn a_place_that_is_kept_is_no_room_for_others() {
    let _t = common::test();
    on_one_and_two(|| {
        let (tx, rx) = bounded(2);
        let mut select = Select::new();
        select.send(&tx);
        let chosen = select.select();
        assert_eq!((tx.is_full(), rx.is_full()), (false, false));
        tx.send(1).unwrap();
        assert_eq!((tx.len(), tx.is_full(), rx.is_full()), (1, true, true));
        assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        assert_eq!((tx.is_full(), rx.is_full()), (false, false));
        tx.try_send(2).unwrap();
        assert!(tx.is_full() && rx.is_full());
    });
}

#[test]
fn a_dropped_operation_gives_back_what_it_kept() {
    let _t = common::test();
    on_one_and_two(|| {
        // A place: who waits for it gets it.
        let ch = Chan::new(1);
        let mut select = Select::new();
        select.send(&ch);
        let chosen = select.select();
        assert_eq!((ch.len(), ch.try_send(0).is_err()), (0, true));
        let (first, second) = (ch.clone(), ch.clone());
        let first = rt::spawn(move || first.send(1));
        eventually_yielding("the sender waits", || {
            let mut select = Select::new();
            select.recv(&ch);
            select.try_ready().is_ok()
        });
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        first.join().unwrap();
        assert_eq!((ch.len(), ch.try_send(2).is_err()), (1, true));
        assert_eq!(ch.recv(), Some(1));
        let chosen = select.try_select().unwrap();
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        ch.send(3);
        // From one offer to the next.
        assert_eq!(ch.recv(), Some(3));
        let chosen = select.select();
        let second = rt::spawn(move || send(&second, 4));
        eventually_yielding("the offer waits", || {
            let mut select = Select::new();
            select.recv(&ch);
            select.try_ready().is_ok()
        });
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        second.join().unwrap();
        assert_eq!(ch.recv(), Some(4));
        // A receiver: it waits again.
        let ch = Chan::new(0);
        let receiver = rt::spawn({
            let ch = ch.clone();
            move || (ch.recv(), ch.recv_timeout(SHORT))
        });
        let mut select = Select::new();
        select.send(&ch);
        let chosen = select.select();
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        ch.send(5);
        assert_eq!(receiver.join().unwrap(), (Some(5), Err(RecvTimeoutError::Timeout)));
        // A receiver that came later than the offer.
        let offerer = rt::spawn({
            let ch = ch.clone();
            move || {
                let mut select = Select::new();
                select.send(&ch);
                drop(select.select());
            }
        });
        assert_eq!(ch.recv_timeout(10 * SHORT), Err(RecvTimeoutError::Timeout));
        assert!(offerer.join().unwrap_err().is_panic());
        // A value.
        let (tally, ch) = (Tally::default(), Chan::new(1));
        ch.send(tally.token());
        let mut select = Select::new();
        select.recv(&ch);
        let chosen = select.select();
        assert_eq!(tally.dropped(), 0);
        assert_eq!(panic_text(|| drop(chosen)), UNCOMPLETED);
        tally.assert_all_dropped();
    });
}

#[test]
fn another_channel_than_the_chosen_one_panics() {
    let _t = common::test();
    on_one_and_two(|| {
        let tally = Tally::default();
        let (a, b) = (Chan::new(1), Chan::new(1));
        a.send(tally.token());
        let mut select = Select::new();
        select.recv(&a);
        let chosen = select.select();
        assert!(panic_text(|| chosen.recv(&b)).contains("does not receive"));
        assert_eq!((tally.dropped(), a.len()), (1, 0));
        let mut select = Select::new();
        select.send(&a);
        let chosen = select.select();
        assert!(panic_text(|| chosen.send(&b, tally.token())).contains("does not send"));
        let chosen = select.select();
        assert!(panic_text(|| chosen.recv(&a)).contains("does not receive"));
        let chosen = select.select();
        assert!(panic_text(|| chosen.recv(&Chan::<Token>::nil())).contains("does not receive"));
        // The place was given up each time; another handle of the same channel is as good.
        select.select().send(&a.clone(), tally.token());
        assert_eq!(a.len(), 1);
        drop(a);
        tally.assert_all_dropped();
    });
}

#[test]
fn an_operation_outlives_the_next_choice_and_its_select() {
    let _t = common::test();
    on_one_and_two(|| {
        let ch = Chan::new(3);
        (0..3).for_each(|i| ch.send(Box::new(i)));
        let mut select = Select::new();
        select.recv(&ch);
        let (first, second) = (select.select(), select.select());
        let mut other = select.clone();
        drop(select);
        let third = other.select();
        drop(other);
        assert_eq!(third.recv(&ch), Some(Box::new(2)));
        assert_eq!(second.recv(&ch), Some(Box::new(1)));
        assert_eq!(first.recv(&ch), Some(Box::new(0)));
    });
}

/// What a forgotten one has kept is gone, and who was to have the value waits for ever.
#[test]
#[allow(clippy::mem_forget, reason = "what comes of forgetting is the question")]
fn a_forgotten_operation_keeps_what_it_kept() {
    let _t = common::test();
    let room = Chan::new(1);
    let mut select = Select::new();
    select.send(&room);
    std::mem::forget(select.select());
    assert!(room.try_send(1).is_err() && room.is_empty());

    let runtime = runtime(1);
    let meets = Chan::<u32>::new(0);
    let rx = meets.clone();
    let waits = runtime.handle().spawn(move || rx.recv());
    let mut select = Select::new();
    select.send(&meets);
    std::mem::forget(select.select());
    waits.abort();
    meets.close();
    let left = runtime.shutdown_timeout(SHORT).unwrap_err();
    assert_eq!(left.goroutines(), [waits.task().id().get()]);
}
