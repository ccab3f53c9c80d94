//! Waiting for the first of several channels. The protocol stands in [`gate`](super::gate).
//!
//! | file | what it does |
//! |---|---|
//! | `mod` | the choice, and the wait |
//! | `case` | cases with their types: what `select!` expands to |
//! | `dynamic` | `Select`: cases that are added at run time |
//! | `operation` | what it has chosen |
//!
//! First a look without waiting: of the cases that seem ready, without their locks, one is drawn, locked,
//! looked at, and done if it was ready indeed; if not, another is drawn. Only then all gates are
//! locked, and the select waits in all of them, or says that none was ready.

mod case;
mod dynamic;
mod operation;

pub use super::wait::Case;
pub(crate) use case::pointers;
pub use case::{
    Arm, RecvCase, RecvOperand, SendCase, SendFromCase, SendOperand, recv_case, send_case,
    send_from_case,
};
pub use dynamic::Select;
pub use operation::SelectedOperation;

use super::gate::{CLOCK, End, Gate, Line, Locked, Node, Op, Side, Step};
use super::wait::Done;
use crate::prim::atomic::{Ordering, fence};
use crate::util;
use crate::wait::{self, Until, Why};
use std::mem::MaybeUninit;
use std::time::Duration;

/// What a select is made of: a case, and where to note how it has happened.
trait Armed {
    /// `None`: it never happens.
    fn case(&self) -> Option<&Case<'_>>;
    fn happened(&self, done: Done);
}

impl Armed for Arm<'_> {
    #[inline]
    fn case(&self) -> Option<&Case<'_>> {
        self.case.as_ref()
    }

    #[inline]
    fn happened(&self, done: Done) {
        self.end.set(Some(done.end));
    }
}

/// Where a select waits.
struct Room<'a> {
    /// One for each case, and one place to sort each.
    nodes: &'a mut [MaybeUninit<Node>],
    order: &'a mut [usize],
    /// For draws of more than 64 cases.
    spare: &'a mut Vec<usize>,
}

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
    let mut spare = Vec::new();
    if let Some(chosen) = look::<_, false>(&arms, biased, &mut spare) {
        return Some(chosen);
    }
    let until = match wait {
        Wait::Never => {
            let room = Room { nodes: &mut [], order: &mut [0; N], spare: &mut spare };
            return look_at_once(&arms, biased, room);
        }
        Wait::Forever => Until::NEVER,
        Wait::For(time) => util::now().checked_add(time).into(),
    };
    let mut nodes = [const { MaybeUninit::uninit() }; N];
    let room = Room { nodes: &mut nodes, order: &mut [0; N], spare: &mut spare };
    wait_for_one::<_, false>(&arms, biased, until, room)
}

/// A select without cases: waits for ever.
pub fn select_forever() -> ! {
    let room = Room { nodes: &mut [], order: &mut [], spare: &mut Vec::new() };
    wait_for_one::<Arm<'_>, false>(&[], false, Until::NEVER, room);
    util::bug(format_args!("the end of time"))
}

/// Does one of the cases that are ready. With `WATCH`, only says which.
#[inline(never)]
fn look<A: Armed, const WATCH: bool>(
    arms: &[A],
    biased: bool,
    spare: &mut Vec<usize>,
) -> Option<usize> {
    let chosen = draw(arms, biased, spare, |arm, case| {
        // To settle the case before may have switched: where we are is asked anew.
        let mut locked = case.gate.lock();
        let step = if WATCH { case.peek(&mut locked) } else { case.look(&mut locked) };
        drop(locked);
        case.settle(step).map(|done| arm.happened(done)).is_some()
    });
    wait::checkpoint("after select");
    chosen
}

/// Does one of the cases that are ready at one instant. The look before was at one after the other:
/// a channel may have become ready behind it while another, ahead of it, ceased to be.
#[inline(never)]
fn look_at_once(arms: &[Arm<'_>], biased: bool, room: Room<'_>) -> Option<usize> {
    let gates = Gates::sort(arms, room.order);
    if gates.order.len() < 2 {
        // As in `Gate::may_be_ready_now`.
        fence(Ordering::SeqCst);
        return look::<_, false>(arms, biased, room.spare);
    }
    loop {
        gates.lock();
        let (chosen, step) = gates.draw::<false>(biased, room.spare);
        gates.unlock();
        let (i, case) = chosen?;
        if let Some(done) = case.settle(step) {
            arms[i].happened(done);
            return Some(i);
        }
    }
}

/// Offers the cases that seem ready, until one is taken: in their order, or drawn at random.
fn draw<A: Armed>(
    arms: &[A],
    biased: bool,
    spare: &mut Vec<usize>,
    mut take: impl FnMut(&A, &Case<'_>) -> bool,
) -> Option<usize> {
    let mut offer = |i: usize| arms[i].case().is_some_and(|case| take(&arms[i], case));
    let seems_ready = |arm: &A| arm.case().is_some_and(|case| case.gate.may_be_ready(case.side));
    if biased {
        return (0..arms.len()).find(|&i| seems_ready(&arms[i]) && offer(i));
    }
    if arms.len() > 64 {
        spare.clear();
        spare.extend((0..arms.len()).filter(|&i| seems_ready(&arms[i])));
        while !spare.is_empty() {
            let i = spare.swap_remove(wait::dice(spare.len()));
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
struct Gates<'a, A> {
    arms: &'a [A],
    /// The cases that there are, sorted.
    order: &'a [usize],
}

impl<'a, A: Armed> Gates<'a, A> {
    fn sort(arms: &'a [A], order: &'a mut [usize]) -> Self {
        let mut count = 0;
        for (i, _) in arms.iter().enumerate().filter(|(_, arm)| arm.case().is_some()) {
            order[count] = i;
            count += 1;
        }
        let order = &mut order[..count];
        order.sort_unstable_by_key(|&i| arms[i].case().map(|case| std::ptr::from_ref(case.gate)));
        Self { arms, order }
    }

    fn cases(&self) -> impl Iterator<Item = (usize, &'a Case<'a>)> {
        self.order.iter().filter_map(|&i| Some((i, self.arms[i].case()?)))
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
        self.each(|gate| gate.lock_among_others(here).keep());
    }

    fn unlock(&self) {
        // SAFETY: locked by `lock`, once.
        self.each(|gate| drop(unsafe { Locked::assume(gate) }));
    }

    /// Between `lock` and `unlock`: a case that is ready, and what came of the look.
    fn draw<const WATCH: bool>(
        &self,
        biased: bool,
        spare: &mut Vec<usize>,
    ) -> (Option<(usize, &'a Case<'a>)>, Step) {
        let mut step = Step::Blocked;
        let chosen = draw(self.arms, biased, spare, |_, case| {
            step = take::<WATCH>(case);
            !matches!(step, Step::Blocked)
        });
        (chosen.and_then(|i| Some((i, self.arms[i].case()?))), step)
    }
}

/// Waits until one of the cases has happened, or `until` is over. With `WATCH`, until one could happen. The
/// way to the switch is inlined.
#[inline(never)]
fn wait_for_one<A: Armed, const WATCH: bool>(
    arms: &[A],
    biased: bool,
    until: Until<'_>,
    room: Room<'_>,
) -> Option<usize> {
    let Room { nodes, order, spare } = room;
    let gates = Gates::sort(arms, order);
    wait::with(|slot| {
        loop {
            gates.lock();
            let (chosen, step) = gates.draw::<WATCH>(biased, spare);
            if let Some((i, case)) = chosen {
                gates.unlock();
                let Some(done) = case.settle(step) else { continue };
                arms[i].happened(done);
                wait::checkpoint("after select");
                return Some(i);
            }
            if until.is_over() {
                gates.unlock();
                wait::checkpoint("after select");
                return None;
            }
            let op = Op::several(slot);
            let mut sooner = until;
            for (i, case) in gates.cases() {
                let node = nodes[i].write(Node::new(&op, i, case.value));
                // SAFETY: `lock` has locked it.
                let mut locked = unsafe { Locked::assume(case.gate) };
                // SAFETY: every way on from here dequeues all the nodes but the one of the case that
                // has happened, which is out of its queue.
                unsafe { locked.enqueue(node, line::<WATCH>(case)) };
                if case.gate.flags() & CLOCK != 0 {
                    sooner = sooner.or_at(locked.due());
                }
                locked.keep();
            }
            gates.unlock();
            if !WATCH {
                gates.cases().for_each(|(_, case)| case.gate.notify(case.side.other()));
            }
            let shown = Shown::new(arms);
            let why = Why::Select.on(&raw const shown);
            let done = loop {
                if wait::to_be_unwound(slot) {
                    if op.give_up() {
                        dequeue::<_, WATCH>(&gates, nodes, None);
                        wait::unwind();
                    }
                    break Some(op.outlast(why));
                }
                wait::rest(slot, why, sooner);
                let done = op.done();
                if done.is_some() {
                    break done;
                }
                if sooner.is_over() {
                    break if op.give_up() { None } else { Some(op.outlast(why)) };
                }
            };
            dequeue::<_, WATCH>(&gates, nodes, done.map(|(i, _)| i));
            if let Some((i, end)) = done
                && end != End::Again
                && let Some(case) = arms[i].case()
            {
                // SAFETY: written above.
                let node = unsafe { nodes[i].assume_init_ref() };
                let offered = case.is_offer() && end == End::Passed;
                // SAFETY: it was an offer, and it was chosen.
                let kept = if offered { unsafe { node.receiver() } } else { None };
                arms[i].happened(Done { end, kept });
                return Some(i);
            }
        }
    })
}

/// What a select waits for, for who looks at it while it is parked.
pub(super) struct Shown {
    arms: *const (),
    pub(super) len: usize,
    case: unsafe fn(*const (), usize) -> Option<(*const Gate, Side)>,
}

impl Shown {
    /// To be used while `arms` is borrowed.
    fn new<A: Armed>(arms: &[A]) -> Self {
        unsafe fn case<A: Armed>(arms: *const (), at: usize) -> Option<(*const Gate, Side)> {
            // SAFETY: as the caller says: one of the arms.
            let arm = unsafe { arms.cast::<A>().add(at) };
            // SAFETY: as the caller says: the arms are borrowed.
            let arm = unsafe { &*arm };
            arm.case().map(|case| (std::ptr::from_ref(case.gate), case.side))
        }
        Self { arms: arms.as_ptr().cast(), len: arms.len(), case: case::<A> }
    }

    /// One of its cases. `None`: one that is switched off.
    ///
    /// # Safety
    /// The select is parked and stays so; `at < self.len`.
    pub(super) unsafe fn case(&self, at: usize) -> Option<(*const Gate, Side)> {
        // SAFETY: as the caller says.
        unsafe { (self.case)(self.arms, at) }
    }
}

/// One look at a case whose gate is locked.
fn take<const WATCH: bool>(case: &Case<'_>) -> Step {
    // SAFETY: `Gates::lock` has locked it.
    let mut locked = unsafe { Locked::assume(case.gate) };
    let step = if WATCH { case.peek(&mut locked) } else { case.look(&mut locked) };
    locked.keep();
    step
}

/// Where a case waits.
fn line<const WATCH: bool>(case: &Case<'_>) -> Line {
    if WATCH { Line::Watchers(case.side) } else { Line::Cases(case.side) }
}

/// Takes the nodes of the cases that have not happened out of their queues.
fn dequeue<A: Armed, const WATCH: bool>(
    gates: &Gates<'_, A>,
    nodes: &[MaybeUninit<Node>],
    happened: Option<usize>,
) {
    for (i, case) in gates.cases().filter(|(i, _)| Some(*i) != happened) {
        // SAFETY: every case's node was written.
        let node = unsafe { nodes[i].assume_init_ref() };
        case.gate.lock().dequeue(node, line::<WATCH>(case));
    }
}
