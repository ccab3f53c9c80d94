//! The models themselves.

use super::{
    ANY, Any, MOST, Parcel, SOON, World, all_of, below, check, complete, one_of, receiving,
    together,
};
use crate::chan::select::{Wait, recv_case, select};
use crate::chan::{after, bounded, tick};
use crate::prim::global::{AtomicUsize, Ordering};
use shuttle::thread;
use std::sync::Arc;
use std::time::Duration;

/// One of all the things that do not wait for ever.
fn anything(world: &World) {
    let wait = || if below(2) == 0 { Wait::Never } else { Wait::For(SOON) };
    let (tx, rx) = world.any_chan();
    let mut slots = [(); 3].map(|()| Some(world.parcel()));
    let [one, two, three] = &mut slots;
    match below(10) {
        0 => {
            let id = one.as_ref().unwrap().id;
            let sent = match below(2) {
                0 => tx.try_send(one.take().unwrap()).is_ok(),
                _ => tx.send_timeout(one.take().unwrap(), SOON).is_ok(),
            };
            if sent {
                world.sent(id);
            }
        }
        1 => rx.try_recv().map_or((), Parcel::receive),
        2 => rx.recv_timeout(SOON).map_or((), Parcel::receive),
        3 | 4 => drop(one_of(world, [Any::of(world, one), Any::of(world, two)], wait())),
        5 | 6 => {
            let cases = [Any::of(world, one), Any::of(world, two), Any::of(world, three)];
            one_of(world, cases, wait());
        }
        7 => drop(all_of(world).ready_timeout(SOON)),
        8 => {
            let chosen = all_of(world).try_select().ok();
            chosen.and_then(|chosen| complete(world, chosen, world.chans.len()));
        }
        _ => {
            let chosen = all_of(world).select_timeout(SOON).ok();
            chosen.and_then(|chosen| complete(world, chosen, world.chans.len()));
        }
    }
}

/// All that there is, on two channels.
#[test]
fn anything_on_two_channels() {
    check(|| together(4, World::any(2), |world, _| (0..3).for_each(|_| anything(world))));
}

#[test]
fn anything_on_three_channels() {
    check(|| together(4, World::any(3), |world, _| (0..3).for_each(|_| anything(world))));
}

/// Without buffers all is between those who wait.
#[test]
fn anything_between_those_who_wait() {
    check(|| together(4, World::new(&[0; 2]), |world, _| (0..3).for_each(|_| anything(world))));
}

/// Four selects on both sides of both channels: they meet two by two, never themselves.
#[test]
fn selects_meet_two_by_two() {
    check(|| {
        together(4, World::new(&[0; 2]), |world, _| {
            let [(tx_a, rx_a), (tx_b, rx_b)] = &world.chans[..] else { unreachable!() };
            let mut slots = [(); 2].map(|()| Some(world.parcel()));
            let [one, two] = &mut slots;
            let mut cases =
                [Any::recv(rx_a), Any::send(tx_b, two), Any::recv(rx_b), Any::send(tx_a, one)];
            cases.rotate_left(below(4));
            assert!(one_of(world, cases, Wait::Forever).unwrap().is_some());
        });
    });
}

/// In three channels, one of the cases twice, again and again.
#[test]
fn two_selects_meet_again_and_again() {
    check(|| {
        together(2, World::new(&[0; 3]), |world, i| {
            let [(tx_a, rx_a), (tx_b, rx_b), (tx_c, rx_c)] = &world.chans[..] else {
                unreachable!()
            };
            for round in 0..4 {
                let mut slots = [(); 2].map(|()| Some(world.parcel()));
                let [one, two] = &mut slots;
                let sent = if i == 0 {
                    let cases = [
                        Any::send(tx_a, one),
                        Any::recv(rx_b),
                        Any::recv(rx_b),
                        Any::send(tx_c, two),
                    ];
                    one_of(world, cases, Wait::Forever)
                } else if round % 2 == 0 {
                    let cases = [Any::recv(rx_c), Any::send(tx_b, one), Any::recv(rx_a)];
                    one_of(world, cases, Wait::Forever)
                } else {
                    one_of(world, [Any::recv(rx_a), Any::recv(rx_a)], Wait::Forever)
                };
                assert!(sent.unwrap().is_some());
            }
        });
    });
}

/// Who sends and who receives, all by selects that wait for ever; then the last sender goes.
fn traffic(world: World) {
    let (done_tx, done_rx) = bounded::<()>(0);
    let world = Arc::new(world);
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            let (world, done) = (Arc::clone(&world), done_rx.clone());
            thread::spawn(move || {
                let [(_, a), (_, b), (_, c)] = &world.chans[..] else { unreachable!() };
                loop {
                    match below(4) {
                        0 => {
                            let mut select = receiving([a, b, c]);
                            select.recv(&done);
                            let chosen = select.select();
                            let index = chosen.index();
                            if index == 3 {
                                assert!(chosen.recv(&done).is_err());
                                return;
                            }
                            chosen.recv([a, b, c][index]).unwrap().receive();
                        }
                        1 => {
                            let mut select = receiving([a, b, c]);
                            select.recv(&done);
                            let index = select.ready();
                            if index < 3 {
                                let _ = [a, b, c][index].try_recv().map(Parcel::receive);
                            }
                        }
                        _ => {
                            let mut cases = [a, b, c].map(recv_case);
                            let mut over = recv_case(&done);
                            let [one, two, three] = &mut cases;
                            let arms = [one.arm(), over.arm(), two.arm(), three.arm()];
                            match select(arms, false, Wait::Forever).unwrap() {
                                1 => return,
                                i => {
                                    let [one, two, three] = cases;
                                    let won = [one, two, three].into_iter().nth([0, 9, 1, 2][i]);
                                    won.unwrap().finish().unwrap().receive();
                                }
                            }
                        }
                    }
                }
            })
        })
        .collect();
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let (world, done) = (Arc::clone(&world), done_tx.clone());
            thread::spawn(move || {
                for _ in 0..3 {
                    match below(3) {
                        0 => assert!(world.send(&world.any_chan().0)),
                        _ => {
                            let mut slots = [(); 2].map(|()| Some(world.parcel()));
                            let [one, two] = &mut slots;
                            let (a, b) = (&world.any_chan().0, &world.any_chan().0);
                            let cases = [Any::send(a, one), Any::send(b, two)];
                            assert!(one_of(&world, cases, Wait::Forever).unwrap().is_some());
                        }
                    }
                }
                drop(done);
            })
        })
        .collect();
    drop((done_tx, done_rx));
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    receivers.into_iter().for_each(|receiver| receiver.join().unwrap());
    Arc::into_inner(world).unwrap().is_settled();
}

#[test]
fn traffic_without_buffers() {
    check(|| traffic(World::new(&[0; 3])));
}

#[test]
fn traffic_of_all_kinds() {
    check(|| traffic(World::new(&[0, 1, ANY])));
}

/// Who waits in several channels is told of the end of any; what was not sent comes back.
#[test]
fn close_while_they_select() {
    check(|| {
        together(4, World::new(&[0, 1, 0]), |world, i| {
            let [(tx_a, rx_a), (tx_b, rx_b), (_, rx_c)] = &world.chans[..] else { unreachable!() };
            if i == 0 {
                for n in [0, 1, 2].map(|n| (n + below(3)) % 3) {
                    if below(2) == 0 {
                        world.chans[n].0.close()
                    } else {
                        world.chans[n].1.close()
                    };
                }
                // Some were drawn twice.
                for (tx, _) in &world.chans {
                    tx.close();
                }
                return;
            }
            loop {
                let mut slots = [(); 2].map(|()| Some(world.parcel()));
                let [one, two] = &mut slots;
                let closed = match (i + below(2)) % 3 {
                    0 => {
                        let cases = [Any::recv(rx_a), Any::recv(rx_b), Any::recv(rx_c)];
                        one_of(world, cases, Wait::Forever).unwrap()
                    }
                    1 => {
                        let cases = [Any::send(tx_a, one), Any::send(tx_b, two)];
                        one_of(world, cases, Wait::Forever).unwrap()
                    }
                    _ => complete(world, all_of(world).select(), 3),
                };
                if closed.is_none() || world.made() > MOST - 16 {
                    break;
                }
            }
        });
    });
}

/// A select is ended by the last handle of a side.
#[test]
fn the_last_handles_go_while_they_select() {
    check(|| {
        let mut world = World::new(&[0; 2]);
        let [(tx_a, rx_a), (tx_b, rx_b)] =
            <[_; 2]>::try_from(std::mem::take(&mut world.chans)).unwrap_or_else(|_| unreachable!());
        let world = Arc::new(world);
        let selects = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                let mut slot = Some(world.parcel());
                let cases = [Any::recv(&rx_a), Any::send(&tx_b, &mut slot)];
                one_of(&world, cases, Wait::Forever).unwrap()
            }
        });
        let sends = thread::spawn({
            let world = Arc::clone(&world);
            move || (below(2) == 0).then(|| world.send(&tx_a))
        });
        let receives = thread::spawn(move || {
            (below(2) == 0).then(|| rx_b.recv().map(Parcel::receive).is_ok())
        });
        let chosen = selects.join().unwrap();
        let (sent, received) = (sends.join().unwrap(), receives.join().unwrap());
        assert_eq!(sent == Some(true), chosen == Some(false));
        assert_eq!(received == Some(true), chosen == Some(true));
        Arc::into_inner(world).unwrap().is_settled();
    });
}

/// A value that is always in one of three channels, while it moves round: no `default`, no failed try.
#[test]
fn one_is_always_ready() {
    check(|| {
        let world = World::new(&[2; 3]);
        let first = world.parcel();
        world.sent(first.id);
        world.chans[0].0.send(first).ok().unwrap();
        together(2, world, |world, i| {
            if i == 0 {
                // The next is there before the last one goes, if the other has left it.
                for at in [1, 2, 0, 1] {
                    world.send(&world.chans[at].0);
                    let _ = world.chans[(at + 2) % 3].1.try_recv().map(Parcel::receive);
                }
                return;
            }
            let [(_, a), (_, b), (_, c)] = &world.chans[..] else { unreachable!() };
            match below(3) {
                0 => assert!(receiving([b, c, a]).try_ready().is_ok()),
                1 => {
                    let mut select = receiving([c, a, b]);
                    let chosen = select.try_select().expect("one was always ready");
                    let index = chosen.index();
                    chosen.recv([c, a, b][index]).unwrap().receive();
                }
                _ => {
                    let cases = [c, a, b].map(Any::recv);
                    assert!(one_of(world, cases, Wait::Never).is_some(), "one was always ready");
                }
            }
        });
    });
}

/// Time as a channel: a value is taken once, by whoever comes first.
#[test]
fn time_passes() {
    check(|| {
        let (once, often) = (after(SOON), tick(Duration::from_secs(2)));
        let world = World::new(&[0]);
        let taken = Arc::new(AtomicUsize::new(0));
        let threads = [(); 3].map(|()| {
            let (once, often, taken) = (once.clone(), often.clone(), Arc::clone(&taken));
            let (_tx, rx) = world.chans[0].clone();
            thread::spawn(move || {
                let (mut a, mut b, mut c) = (recv_case(&once), recv_case(&often), recv_case(&rx));
                let wait = if below(2) == 0 { Wait::Forever } else { Wait::For(SOON * 5000) };
                match select([c.arm(), a.arm(), b.arm()], false, wait) {
                    Some(1) => {
                        a.finish().unwrap();
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                    Some(2) => drop(b.finish().unwrap()),
                    Some(_) => panic!("nobody sends"),
                    None => assert!(matches!(wait, Wait::For(_))),
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(taken.load(Ordering::Relaxed) <= 1, "twice");
        world.is_settled();
    });
}
