//! Waiting for the first of several channels. The protocol stands in [`gate`](super::gate).
//!
//! | file | what it does |
//! |---|---|
//! | `mod` | the choice, and the wait |
//! | `case` | cases with their types: what `select!` expands to |
//! | `dynamic` | `Select`: cases that are added at run time |
//!
//! First a look without waiting: of the cases that seem ready, without their locks, one is drawn, locked,
//! looked at, and done if it was ready indeed; if not, another is drawn. Only then all gates are
//! locked, and the select waits in all of them, or says that none was ready.

mod case;

pub use super::wait::Case;
pub use case::{
    Arm, RecvCase, RecvOperand, SendCase, SendFromCase, SendOperand, recv_case, send_case,
    send_from_case,
};

use super::gate::{CLOCK, Gate, Locked, Node, Op, Step};
use crate::carrier::Slot;
use crate::prim::atomic::{Ordering, fence};
use crate::util;
use crate::wait::{self, Why};
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// How long a select waits.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// Until a case has happened.
    Forever,
    /// Not at all.
    Never,
    /// For so long.
    For(Duration),
}

/// Does one of the cases: which one. `None`: none could be done in time.
#[inline]
pub fn select<const N: usize>(arms: [Arm<'_>; N], biased: bool, wait: Wait) -> Option<usize> {
    if let Some(chosen) = look(&arms, biased) {
        return Some(chosen);
    }
    let deadline = match wait {
        Wait::Never => return look_at_once(&arms, biased, &mut [0; N]),
        Wait::Forever => None,
        Wait::For(time) => util::now().checked_add(time),
    };
    let mut nodes = [const { MaybeUninit::uninit() }; N];
    wait_for_one(&arms, biased, deadline, &mut nodes, &mut [0; N])
}

/// A select without cases: waits for ever.
pub fn select_forever() -> ! {
    wait_for_one(&[], false, None, &mut [], &mut []);
    util::bug(format_args!("the end of time"))
}

/// Does one of the cases that are ready.
#[inline(never)]
fn look(arms: &[Arm<'_>], biased: bool) -> Option<usize> {
    let here = wait::here();
    let chosen = draw(arms, biased, |arm, case| {
        let mut locked = case.gate.lock_from(here);
        let step = case.look(&mut locked);
        let end = step.end(locked);
        arm.end.set(end);
        end.is_some()
    });
    here.checkpoint();
    chosen
}

/// Does one of the cases that are ready at one instant. The look before was at one after the other:
/// a channel may have become ready behind it while another, ahead of it, ceased to be.
#[inline(never)]
fn look_at_once(arms: &[Arm<'_>], biased: bool, order: &mut [usize]) -> Option<usize> {
    let gates = Gates::sort(arms, order);
    if gates.order.len() < 2 {
        // As in `Gate::may_be_ready_now`.
        fence(Ordering::SeqCst);
        return look(arms, biased);
    }
    let mut woken = None;
    gates.lock();
    let chosen = draw(arms, biased, |arm, case| take(arm, case, &mut woken));
    gates.unlock();
    woken.into_iter().for_each(wait::wake);
    chosen
}

/// Offers the cases that seem ready, until one is taken: in their order, or drawn at random.
fn draw(
    arms: &[Arm<'_>],
    biased: bool,
    mut take: impl FnMut(&Arm<'_>, &Case<'_>) -> bool,
) -> Option<usize> {
    let mut offer = |i: usize| arms[i].case.as_ref().is_some_and(|case| take(&arms[i], case));
    let seems_ready =
        |arm: &Arm<'_>| arm.case.as_ref().is_some_and(|case| case.gate.may_be_ready(case.side));
    if biased {
        return (0..arms.len()).find(|&i| seems_ready(&arms[i]) && offer(i));
    }
    if arms.len() > 64 {
        let mut ready: Vec<_> = (0..arms.len()).filter(|&i| seems_ready(&arms[i])).collect();
        while !ready.is_empty() {
            let i = ready.swap_remove(wait::dice(ready.len()));
            if offer(i) {
                return Some(i);
            }
        }
        return None;
    }
    let mut ready =
        arms.iter().rev().fold(0_u64, |set, arm| set << 1 | u64::from(seems_ready(arm)));
    while ready != 0 {
        let others = ready & (ready - 1);
        let mut drawn = ready;
        if others != 0 {
            for _ in 0..wait::dice(ready.count_ones() as usize) {
                drawn &= drawn - 1;
            }
        }
        let i = drawn.trailing_zeros() as usize;
        if offer(i) {
            return Some(i);
        }
        ready &= !(1 << i);
    }
    None
}

/// The gates of a select, by address, so that two selects never wait for each other.
struct Gates<'a> {
    arms: &'a [Arm<'a>],
    /// The cases that there are, sorted.
    order: &'a [usize],
}

impl<'a> Gates<'a> {
    fn sort(arms: &'a [Arm<'a>], order: &'a mut [usize]) -> Self {
        let mut count = 0;
        for (i, _) in arms.iter().enumerate().filter(|(_, arm)| arm.case.is_some()) {
            order[count] = i;
            count += 1;
        }
        let order = &mut order[..count];
        order.sort_unstable_by_key(|&i| arms[i].case.map(|case| std::ptr::from_ref(case.gate)));
        Self { arms, order }
    }

    fn cases(&self) -> impl Iterator<Item = (usize, &'a Case<'a>)> {
        self.order.iter().filter_map(|&i| Some((i, self.arms[i].case.as_ref()?)))
    }

    /// Calls `f` with each gate once, in order.
    fn each(&self, f: impl Fn(&'a Gate)) {
        let mut last = std::ptr::null();
        for (_, case) in self.cases() {
            if !std::ptr::eq(last, case.gate) {
                last = case.gate;
                f(case.gate);
            }
        }
    }

    fn lock(&self) {
        let here = wait::here();
        self.each(|gate| std::mem::forget(gate.lock_among_others(here)));
    }

    fn unlock(&self) {
        // SAFETY: locked by `lock`, once.
        self.each(|gate| drop(unsafe { Locked::assume(gate) }));
    }
}

/// Waits until one of the cases has happened, or `deadline`. The way to the switch is inlined.
#[inline(never)]
fn wait_for_one(
    arms: &[Arm<'_>],
    biased: bool,
    deadline: Option<Instant>,
    nodes: &mut [MaybeUninit<Node>],
    order: &mut [usize],
) -> Option<usize> {
    let gates = Gates::sort(arms, order);
    wait::with(|slot| {
        loop {
            gates.lock();
            let mut woken = None;
            let chosen = draw(arms, biased, |arm, case| take(arm, case, &mut woken));
            if chosen.is_some() || wait::is_over(deadline) {
                gates.unlock();
                woken.into_iter().for_each(wait::wake);
                wait::checkpoint();
                return chosen;
            }
            let op = Op::several(slot);
            let mut until = deadline;
            for (i, case) in gates.cases() {
                let node = nodes[i].write(Node::new(&op, i, case.value));
                // SAFETY: `lock` has locked it.
                let mut locked = unsafe { Locked::assume(case.gate) };
                // SAFETY: every way on from here dequeues all the nodes but the one of the case that
                // has happened, which is out of its queue.
                unsafe { locked.enqueue(node, case.side) };
                if case.gate.flags() & CLOCK != 0 {
                    until = [until, locked.due()].into_iter().flatten().min();
                }
                std::mem::forget(locked);
            }
            gates.unlock();
            let done = loop {
                if wait::to_be_unwound(slot) && op.give_up() {
                    dequeue(&gates, nodes, None);
                    wait::unwind();
                }
                wait::rest(slot, Why::Select, until);
                let done = op.done();
                if done.is_some() || (wait::is_over(until) && op.give_up()) {
                    break done;
                }
            };
            dequeue(&gates, nodes, done.map(|(i, _)| i));
            if let Some((chosen, end)) = done {
                arms[chosen].end.set(Some(end));
                return Some(chosen);
            }
        }
    })
}

/// One look at a case whose gate is locked.
fn take(arm: &Arm<'_>, case: &Case<'_>, woken: &mut Option<&'static Slot>) -> bool {
    // SAFETY: `Gates::lock` has locked it.
    let mut locked = unsafe { Locked::assume(case.gate) };
    let step = case.look(&mut locked);
    std::mem::forget(locked);
    if let Step::Wake(slot) = step {
        *woken = Some(slot);
    }
    arm.end.set(step.how());
    step.how().is_some()
}

/// Takes the nodes of the cases that have not happened out of their queues.
fn dequeue(gates: &Gates<'_>, nodes: &[MaybeUninit<Node>], happened: Option<usize>) {
    for (i, case) in gates.cases().filter(|(i, _)| Some(*i) != happened) {
        // SAFETY: every case's node was written.
        let node = unsafe { nodes[i].assume_init_ref() };
        case.gate.lock().dequeue(node, case.side);
    }
}
