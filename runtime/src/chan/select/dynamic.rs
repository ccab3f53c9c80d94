//! `Select`: a select whose cases are added at run time. What it has chosen is an [`operation`](super::operation).
//!
//! A value is received when its case is chosen, into a place that `Select` and [`SelectedOperation`]
//! share. A value is sent when it is known: the case is an [`offer`](crate::chan::offer).

use super::operation::{Place, State, place_of};
use super::{Armed, RecvOperand, Room, SelectedOperation, SendOperand, look, wait_for_one};
use crate::chan::error::{ReadyTimeoutError, SelectTimeoutError, TryReadyError, TrySelectError};
use crate::chan::gate::{End, Node};
use crate::chan::wait::{Case, Done};
use crate::util;
use crate::wait::{self, Cancel, ContextError, Until};
use std::cell::Cell;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Waits for the first of several channel operations that are added at run time, and lets exactly one happen.
///
/// Where the cases are known when the program is written, [`select!`](crate::select) is shorter and faster.
/// This is Go's `reflect.Select` with the interface of crossbeam-channel's `Select`.
///
/// 1. Add cases, with [`recv`](Self::recv) and [`send`](Self::send): each has an index, from 0.
/// 2. Choose one, with [`select`](Self::select) or its relatives.
/// 3. Complete it, with [`SelectedOperation::recv`] or [`SelectedOperation::send`].
///
/// When a case was chosen, its partner is bound: a value was received, a receiver waits for this send alone, or
/// a place in the buffer is kept. So to complete it never waits. Do that without waiting in between: somebody
/// may wait for it, whatever its own deadline. What was chosen *must* be completed; dropped, it panics.
///
/// If several cases are ready, one is drawn at random, or with [`new_biased`](Self::new_biased) the first is taken. A
/// case of a closed channel is ready; one of a nil channel never is. Without cases that can happen, a select waits
/// for ever, as Go's.
///
/// A `Select` may be used again and again, and then allocates nothing. It stays with the goroutine that made it.
///
/// # Examples
/// The first value that comes from any of some channels:
/// ```
/// use rt::chan::{self, Receiver, RecvError, Select};
///
/// fn recv_any<T>(from: &[Receiver<T>]) -> Result<T, RecvError> {
///     let mut select = Select::new();
///     for rx in from {
///         select.recv(rx);
///     }
///     let chosen = select.select();
///     let index = chosen.index();
///     chosen.recv(&from[index])
/// }
///
/// #[rt::main]
/// fn main() {
///     let (txs, rxs): (Vec<_>, Vec<_>) = (0..3).map(|_| chan::bounded(0)).unzip();
///     let tx = txs[1].clone();
///     rt::spawn(move || tx.send("hello"));
///     assert_eq!(recv_any(&rxs), Ok("hello"));
/// }
/// ```
/// Both directions, until all is done:
/// ```
/// use rt::chan::{Chan, Select};
///
/// #[rt::main]
/// fn main() {
///     let (numbers, quit) = (Chan::new(0), Chan::<()>::new(0));
///     let reader = rt::spawn({
///         let (numbers, quit) = (numbers.clone(), quit.clone());
///         move || {
///             let sum: i32 = (0..5).map(|_| numbers.recv().unwrap()).sum();
///             quit.close();
///             sum
///         }
///     });
///     let mut select = Select::new();
///     let send = select.send(&numbers);
///     select.recv(&quit);
///     for n in 1.. {
///         let chosen = select.select();
///         if chosen.index() == send {
///             chosen.send(&numbers, n);
///         } else {
///             assert_eq!(chosen.recv(&quit), None);
///             break;
///         }
///     }
///     assert_eq!(reader.join().unwrap(), 1 + 2 + 3 + 4 + 5);
/// }
/// ```
/// Only so long, or not at all:
/// ```
/// use rt::{chan::{Chan, Select}, context::Context};
/// use std::time::Duration;
///
/// let (ms, (ctx, _cancel)) = (Duration::from_millis(1), Context::background().with_deadline(rt::time::now()));
/// let ch = Chan::<u8>::new(1);
/// let mut select = Select::new();
/// select.recv(&ch);
/// assert!(select.select_timeout(ms).is_err() && select.select_deadline(rt::time::now()).is_err());
/// assert!(select.ready_timeout(ms).is_err() && select.ready_deadline(rt::time::now()).is_err());
/// assert!(select.try_ready().is_err() && select.ready_ctx(&ctx).is_err());
/// ch.send(7);
/// assert_eq!((select.try_ready(), select.ready_timeout(ms)), (Ok(0), Ok(0)));
/// assert_eq!(select.select_timeout(ms).unwrap().recv(&ch), Some(7));
/// ```
pub struct Select<'a> {
    /// By index.
    entries: Vec<Entry<'a>>,
    /// The index of the next case.
    next: usize,
    biased: bool,
    nodes: Vec<MaybeUninit<Node>>,
    order: Vec<usize>,
    spare: Vec<usize>,
}

// Nodes are pinned while a call has them in queues (`queue::list`), and between two calls no place has one.
impl Unpin for Select<'_> {}

struct Entry<'a> {
    index: usize,
    case: Option<Case<'a>>,
    /// Of a receiving case.
    place: Option<Rc<dyn Place>>,
    done: Cell<Option<Done>>,
}

impl Armed for Entry<'_> {
    fn case(&self) -> Option<&Case<'_>> {
        self.case.as_ref()
    }

    fn happened(&self, done: Done) {
        self.done.set(Some(done));
    }
}

impl<'a> Entry<'a> {
    /// `operation`, invariant 1.
    fn renew_place(&mut self) {
        if let (Some(place), Some(case)) = (&mut self.place, &mut self.case)
            && Rc::strong_count(place) > 1
        {
            *place = place.another();
            case.value = place.at();
        }
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Select<'a> {
    /// Without cases; one of those that are ready will be drawn at random, as Go does.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{bounded, Select};
    ///
    /// let (a, b) = (bounded::<u8>(1), bounded(1));
    /// let mut select = Select::new();
    /// let (first, second) = (select.recv(&a.1), select.recv(&b.1));
    /// b.0.send("b").unwrap();
    /// let operation = select.select();
    /// assert!(operation.index() == second && first == 0);
    /// assert_eq!(operation.recv(&b.1), Ok("b"));
    /// ```
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            next: 0,
            biased: false,
            nodes: Vec::new(),
            order: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Without cases; of those that are ready, the one that was added first will be taken.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{Chan, Select};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (urgent, other) = (Chan::new(1), Chan::new(1));
    ///     urgent.send(1);
    ///     other.send(2);
    ///     let mut select = Select::new_biased();
    ///     select.recv(&urgent);
    ///     select.recv(&other);
    ///     let chosen = select.select();
    ///     assert_eq!(chosen.index(), 0);
    ///     assert_eq!(chosen.recv(&urgent), Some(1));
    /// }
    /// ```
    pub fn new_biased() -> Self {
        Self { biased: true, ..Self::new() }
    }

    /// Adds receiving from `rx`: a [`Chan`](crate::chan::Chan), a [`Receiver`](crate::chan::Receiver), or a
    /// pointer to one. Returns the case's index.
    ///
    /// The value is received when the case is chosen; [`SelectedOperation::recv`] hands it over.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// tx.send(7).unwrap();
    /// let mut select = rt::chan::Select::new();
    /// assert_eq!(select.recv(&rx), 0, "the first case");
    /// assert_eq!(select.select().recv(&rx), Ok(7));
    /// ```
    pub fn recv<R: RecvOperand + ?Sized>(&mut self, rx: &'a R) -> usize {
        let place = place_of::<R::Value>();
        // SAFETY: the place stays with the case (`operation`, invariant 1).
        let case = unsafe { rx.end().case(place.at().cast()) };
        self.add(case, Some(place))
    }

    /// Adds sending into `tx`: a [`Chan`](crate::chan::Chan), a [`Sender`](crate::chan::Sender), or a
    /// pointer to one. Returns the case's index.
    ///
    /// The value is said when the case was chosen, to [`SelectedOperation::send`]. A `Select` that waits here has its
    /// turn among the senders of a full channel. Who receives from a channel without capacity meets it, even with
    /// `try_recv` or a deadline, and gets the value when it is said.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = rt::chan::bounded(1);
    /// let mut select = rt::chan::Select::new();
    /// select.send(&tx);
    /// select.select().send(&tx, 7).unwrap();
    /// assert_eq!(rx.recv(), Ok(7));
    /// ```
    pub fn send<S: SendOperand + ?Sized>(&mut self, tx: &'a S) -> usize {
        // SAFETY: a case without a value is an offer: it is only chosen.
        let case = unsafe { tx.end().case(ptr::null_mut()) };
        self.add(case, None)
    }

    fn add(&mut self, case: Option<Case<'a>>, place: Option<Rc<dyn Place>>) -> usize {
        let index = self.next;
        self.next += 1;
        self.entries.push(Entry { index, case, place, done: Cell::new(None) });
        index
    }

    /// Takes a case out; for one whose channel is closed, which would be ready for ever. The others keep their
    /// indices, and this one is not used again.
    ///
    /// # Panics
    /// When there is no such case.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{Chan, Select};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let chans = [Chan::new(2), Chan::new(2)];
    ///     for ch in &chans {
    ///         ch.send(1);
    ///         ch.send(10);
    ///         ch.close();
    ///     }
    ///     let mut select = Select::new();
    ///     for ch in &chans {
    ///         select.recv(ch);
    ///     }
    ///     let (mut sum, mut open) = (0, chans.len());
    ///     while open > 0 {
    ///         let chosen = select.select();
    ///         let index = chosen.index();
    ///         match chosen.recv(&chans[index]) {
    ///             Some(value) => sum += value,
    ///             None => {
    ///                 select.remove(index);
    ///                 open -= 1;
    ///             }
    ///         }
    ///     }
    ///     assert_eq!(sum, 22);
    /// }
    /// ```
    #[track_caller]
    pub fn remove(&mut self, index: usize) {
        match self.entries.binary_search_by_key(&index, |entry| entry.index) {
            Ok(at) => drop(self.entries.remove(at)),
            Err(_) => panic!("no case {index} in this `Select`"),
        }
    }

    /// Waits until one of the cases can happen, and chooses it. The rest of it is yours: complete what is returned.
    pub fn select(&mut self) -> SelectedOperation<'a> {
        match self.choose::<false>(Until::NEVER) {
            Some(at) => self.operation(at),
            None => util::bug(format_args!("a select without a deadline was late")),
        }
    }

    /// Chooses one of the cases, if one can happen at once.
    ///
    /// # Errors
    /// When none can.
    ///
    /// # Examples
    /// ```
    /// let rx = rt::chan::never::<u8>();
    /// let mut select = rt::chan::Select::new();
    /// select.recv(&rx);
    /// assert!(select.try_select().is_err());
    /// ```
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.choose_now::<false>().map(|at| self.operation(at)).ok_or(TrySelectError)
    }

    /// As [`select`](Self::select), for at most `timeout`.
    ///
    /// # Errors
    /// When none of the cases could happen in time.
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        match util::now().checked_add(timeout) {
            Some(deadline) => self.select_deadline(deadline),
            None => Ok(self.select()),
        }
    }

    /// As [`select`](Self::select), until `deadline` at most.
    ///
    /// # Errors
    /// When none of the cases could happen in time.
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        let chosen = self.choose::<false>(Some(deadline).into());
        chosen.map(|at| self.operation(at)).ok_or(SelectTimeoutError)
    }

    /// As [`select`](Self::select), until `ctx` is done at most. If it is done already, nothing is chosen.
    ///
    /// # Errors
    /// Why the context is done.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{Chan, Select};
    /// use rt::context::{Context, ContextError};
    /// use std::time::Duration;
    ///
    /// let (ctx, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
    /// let ch = Chan::<u32>::new(0);
    /// let mut select = Select::new();
    /// select.recv(&ch);
    /// assert_eq!(select.select_ctx(&ctx).unwrap_err(), ContextError::DeadlineExceeded);
    /// ```
    pub fn select_ctx(
        &mut self,
        ctx: &(impl Cancel + ?Sized),
    ) -> Result<SelectedOperation<'a>, ContextError> {
        let chosen = wait::bounded(ctx, |until| self.choose::<false>(until))?;
        chosen.map(|at| self.operation(at)).ok_or_else(|| wait::ended(ctx))
    }

    /// Waits until one of the cases can happen, without choosing it: its index.
    ///
    /// This is a hint: somebody else may be quicker, so go on with `try_recv` or `try_send`, and begin anew if that
    /// fails. Two who only watch a channel without capacity, one for each side, do not see each other.
    ///
    /// # Examples
    /// ```
    /// use rt::chan::{Chan, Select};
    ///
    /// #[rt::main]
    /// fn main() {
    ///     let (a, b) = (Chan::<i32>::new(0), Chan::new(0));
    ///     let tx = b.clone();
    ///     rt::spawn(move || tx.send(7));
    ///     let mut select = Select::new();
    ///     select.recv(&a);
    ///     let from_b = select.recv(&b);
    ///     assert_eq!(select.ready(), from_b);
    ///     assert_eq!(b.try_recv(), Ok(7));
    /// }
    /// ```
    pub fn ready(&mut self) -> usize {
        match self.choose::<true>(Until::NEVER) {
            Some(at) => self.entries[at].index,
            None => util::bug(format_args!("a watch without a deadline was late")),
        }
    }

    /// The index of one of the cases that can happen now. A hint, as with [`ready`](Self::ready).
    ///
    /// # Errors
    /// When none can.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.choose_now::<true>().map(|at| self.entries[at].index).ok_or(TryReadyError)
    }

    /// As [`ready`](Self::ready), for at most `timeout`.
    ///
    /// # Errors
    /// When none of the cases could happen in time.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        match util::now().checked_add(timeout) {
            Some(deadline) => self.ready_deadline(deadline),
            None => Ok(self.ready()),
        }
    }

    /// As [`ready`](Self::ready), until `deadline` at most.
    ///
    /// # Errors
    /// When none of the cases could happen in time.
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        let ready = self.choose::<true>(Some(deadline).into());
        ready.map(|at| self.entries[at].index).ok_or(ReadyTimeoutError)
    }

    /// As [`ready`](Self::ready), until `ctx` is done at most.
    ///
    /// # Errors
    /// Why the context is done.
    pub fn ready_ctx(&mut self, ctx: &(impl Cancel + ?Sized)) -> Result<usize, ContextError> {
        let ready = wait::bounded(ctx, |until| self.choose::<true>(until))?;
        ready.map(|at| self.entries[at].index).ok_or_else(|| wait::ended(ctx))
    }

    /// The second look is at all cases at one instant.
    fn choose_now<const WATCH: bool>(&mut self) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        self.choose::<WATCH>(Some(util::now()).into())
    }

    /// Where the case stands that was chosen, or is ready.
    fn choose<const WATCH: bool>(&mut self, until: Until<'_>) -> Option<usize> {
        self.entries.iter_mut().for_each(Entry::renew_place);
        let Self { entries, biased, nodes, order, spare, .. } = self;
        if let Some(chosen) = look::<_, WATCH>(entries, *biased, spare) {
            return Some(chosen);
        }
        nodes.resize_with(entries.len(), MaybeUninit::uninit);
        order.resize(entries.len(), 0);
        let room = Room { nodes, order, spare };
        wait_for_one::<_, WATCH>(entries, *biased, until, room)
    }

    /// What was chosen.
    fn operation(&self, at: usize) -> SelectedOperation<'a> {
        let entry = &self.entries[at];
        let (Some(case), Some(done)) = (entry.case, entry.done.take()) else {
            util::bug(format_args!("case {at} was chosen, and has not happened"));
        };
        let state = match (done.end, &entry.place) {
            (End::Passed, Some(place)) => State::Received(Rc::clone(place)),
            (End::Passed, None) => State::Promised(done.kept),
            _ => State::Closed,
        };
        SelectedOperation::new(entry.index, case, state)
    }
}

/// The same cases, with the same indices.
impl Clone for Select<'_> {
    fn clone(&self) -> Self {
        let entries = self.entries.iter().map(|old| {
            let (place, done) = (old.place.clone(), Cell::new(None));
            let mut entry = Entry { index: old.index, case: old.case, place, done };
            entry.renew_place();
            entry
        });
        Self { entries: entries.collect(), next: self.next, biased: self.biased, ..Self::new() }
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("cases", &self.entries.len())
            .field("biased", &self.biased)
            .finish_non_exhaustive()
    }
}
