//! `Slice`: aliasing, growth, Go's messages, and code of elements that panics or uses the slice that it is in.

use rt::collections::{Growth, Slice};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[track_caller]
fn panics<R>(with: &str, f: impl FnOnce() -> R) {
    let payload = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it does not panic"),
        Err(payload) => payload,
    };
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or(payload.downcast_ref::<&str>().copied()).unwrap();
    assert_eq!(text, with);
}

const VIEWED: &str = "slice written to while a view of its array is alive";
const CHANGED: &str = "slice read while a mutable view of its array is alive";

#[test]
fn a_write_is_seen_until_an_append_reallocates() {
    let a = Slice::from([0, 1, 2, 3, 4, 5, 6, 7]);
    let (s1, s2) = (a.reslice(..5), a.reslice(3..6));
    assert_eq!((s1.len(), s1.cap(), s2.len(), s2.cap()), (5, 8, 3, 5));
    s2.set(0, 30);
    assert_eq!(s1.get(3), 30);
    let s3 = s1.append(50);
    assert_eq!((a.get(5), s2.get(2)), (50, 50));
    let s4 = s3.append_all([60, 70]);
    assert!(s4.shares_array_with(&a));
    let s5 = s4.append(80);
    assert!(!s5.shares_array_with(&a));
    assert_eq!((s5.len(), s5.cap()), (9, 16));
    s5.set(0, -1);
    assert_eq!(a, [0, 1, 2, 30, 4, 50, 60, 70]);
}

#[test]
fn subsets_both_ways() {
    fn helper(
        nums: &[i32],
        res: &mut Slice<Slice<i32>>,
        mut tmp: Slice<i32>,
        level: usize,
        copy: bool,
    ) {
        res.push(if copy { Slice::nil().append_slice(&tmp) } else { tmp.clone() });
        for i in level..nums.len() {
            tmp = tmp.append(nums[i]);
            helper(nums, res, tmp.clone(), i + 1, copy);
            tmp = tmp.reslice(..tmp.len() - 1);
        }
    }
    let subsets = |copy| {
        let mut res = Slice::nil();
        helper(&[1, 2, 3], &mut res, Slice::nil(), 0, copy);
        res.to_string()
    };
    assert_eq!(subsets(false), "[[] [3] [1 3] [1 2 3] [1 3] [3] [2 3] [3]]");
    assert_eq!(subsets(true), "[[] [1] [1 2] [1 2 3] [1 3] [2] [2 3] [3]]");
}

#[test]
fn capacities() {
    let steps = |growth| {
        let (mut s, mut caps) = (Slice::nil().with_growth(growth), vec![]);
        for n in 0..2000 {
            s.push(n);
            if caps.last() != Some(&s.cap()) {
                caps.push(s.cap());
            }
        }
        assert!(s.into_iter().eq(0..2000));
        caps
    };
    assert_eq!(steps(Growth::Classic)[8..], [256, 512, 1024, 1280, 1600, 2000]);
    assert_eq!(steps(Growth::Modern)[8..], [256, 512, 832, 1232, 1732, 2357]);
    let s = Slice::from([1, 2, 3, 4]);
    assert_eq!((s.append(5).cap(), s.append_all(5..10).cap()), (8, 9));
    assert_eq!(s.with_growth(Growth::Modern).append(5).growth(), Growth::Modern);
    // A capacity that was cut is what grows, and the rest of the array is left alone.
    let s = Slice::from([1, 2, 3, 4]);
    assert_eq!(s.reslice3(1, 2, 2).append(9).cap(), 2);
    assert_eq!(s, [1, 2, 3, 4]);
}

#[test]
fn elements_without_a_size() {
    let mut s = Slice::from_vec(vec![(); 3]);
    assert_eq!(s.cap(), 3);
    s.push(());
    assert_eq!((s.append(()).cap(), s.cap(), s.len()), (5, 4, 4));
    assert_eq!(Slice::<()>::make(2, 8).reslice(..8).len(), 8);
}

#[test]
fn what_was_never_written_is_the_default() {
    let s = Slice::<String>::make(1, 4);
    assert_eq!(s.reslice(..4), ["", "", "", ""]);
    let s = Slice::from([7]).append(8).append(9); // cap 4
    assert_eq!(s.reslice(2..4), [9, 0]);
    assert_eq!(s.append(1).append_all([]), [7, 8, 9, 1]);
    assert_eq!(s.reslice(..4), [7, 8, 9, 1]);
}

#[test]
fn all_forms_of_ranges() {
    let s = Slice::from([0, 1, 2, 3]).reslice(..3);
    assert_eq!(s.reslice(..), [0, 1, 2]);
    assert_eq!(s.reslice(1..), [1, 2]);
    assert_eq!(s.reslice(..=3), [0, 1, 2, 3]);
    assert_eq!(s.reslice(1..=1), [1]);
    assert_eq!(s.reslice(4..4).cap(), 0);
    use std::ops::Bound::{Excluded, Unbounded};
    assert_eq!(s.reslice((Excluded(0), Unbounded)), [1, 2]);
    assert!(Slice::<u8>::nil().reslice(0..0).is_nil());
}

#[test]
fn go_says_what_is_wrong() {
    let s = Slice::from([1, 2, 3, 4]).reslice(..3);
    panics("index out of range [5] with length 3", || s.get(5));
    panics("index out of range [3] with length 3", || s.set(3, 0));
    panics("index out of range [3] with length 3", || s.swap(0, 3));
    panics("slice bounds out of range [:5] with capacity 4", || s.reslice(..5));
    panics("slice bounds out of range [3:2]", || s.reslice(std::ops::Range { start: 3, end: 2 }));
    panics("slice bounds out of range [4:3]", || s.reslice(4..));
    panics("slice bounds out of range [:18446744073709551616]", || s.reslice(..=usize::MAX));
    panics("slice bounds out of range [::5] with capacity 4", || s.reslice3(0, 1, 5));
    panics("slice bounds out of range [:3:2]", || s.reslice3(0, 3, 2));
    panics("slice bounds out of range [2:1:]", || s.reslice3(2, 1, 3));
    panics("slice bounds out of range [:4] with length 3", || s.window(..4));
    panics("makeslice: cap out of range", || Slice::<u8>::make(2, 1));
    panics("makeslice: cap out of range", || Slice::<u64>::make(0, usize::MAX));
    panics("makeslice: len out of range", || Slice::<u64>::make(usize::MAX, usize::MAX));
    panics("makeslice: len out of range", || Slice::<u64>::make(1 << 62, 5));
    let nil = Slice::<u8>::nil();
    panics("index out of range [0] with length 0", || nil.get(0));
    panics("slice bounds out of range [:1] with capacity 0", || nil.reslice(..1));
}

#[test]
fn a_write_while_a_view_is_alive_panics() {
    let s = Slice::from([1, 2, 3, 4]);
    let (some, other) = (s.reslice(..2), s.reslice(2..));
    let view = other.view();
    panics(VIEWED, || some.set(0, 5));
    panics(VIEWED, || some.append(5));
    panics(VIEWED, || some.clone().push(5));
    panics(VIEWED, || some.append_all([5]));
    panics(VIEWED, || some.copy_from(&other));
    panics(VIEWED, || some.swap(0, 1));
    panics(VIEWED, || drop(some.view_mut()));
    assert_eq!(s.append(5).len(), 5); // in a new array
    assert_eq!((some.get(0), some.view()[1], view.len()), (1, 2, 2));
    drop(view);
    some.set(0, 5);
    let view = some.view_mut();
    panics(CHANGED, || other.get(0));
    panics(CHANGED, || other.view().len());
    assert_eq!(format!("{s:?}"), "<borrowed>");
    drop(view);
    assert_eq!(format!("{s:?} {s} {:?}", Slice::<u8>::nil()), "[5, 2, 3, 4] [5 2 3 4] []");
    assert_eq!(s, [5, 2, 3, 4]);
    assert_eq!(Slice::<u8>::nil().view().len() + Slice::<u8>::nil().view_mut().len(), 0);
}

#[test]
fn copies_may_overlap() {
    let s = Slice::from([1, 2, 3, 4, 5]);
    assert_eq!(s.reslice(1..).copy_from(&s), 4);
    assert_eq!(s, [1, 1, 2, 3, 4]);
    assert_eq!(s.copy_from(&s.reslice(2..)), 3);
    assert_eq!(s, [2, 3, 4, 3, 4]);
    assert_eq!(s.copy_from(&Slice::nil()), 0);
    assert_eq!(s.append_slice(&s), [2, 3, 4, 3, 4, 2, 3, 4, 3, 4]);
    let t = s.reslice(..2);
    assert_eq!(t.append_slice(&s.reslice(1..4)), [2, 3, 3, 4, 3]);
    assert_eq!(s, [2, 3, 3, 4, 3]);
}

#[test]
fn traits() {
    let mut s: Slice<i32> = (1..4).collect();
    s.extend([4]);
    s.extend(&[5]);
    assert_eq!(s, vec![1, 2, 3, 4, 5]);
    let borrowed = &[1, 2, 3, 4, 5][..];
    assert!(s == *borrowed && s == borrowed && s != Slice::default());
    assert_eq!(s.clone().into_iter().rev().step_by(2).collect::<Vec<_>>(), [5, 3, 1]);
    assert_eq!((&s).into_iter().len(), 5);
    assert_eq!(Slice::<i32>::nil(), Slice::make(0, 3));
    assert_eq!(Slice::from(&[1, 2][..]), Slice::from(vec![1, 2]));
    s.view_mut().reverse();
    assert_eq!(s.replace(0, 9), 5);
    assert_eq!(s.to_vec(), [9, 4, 3, 2, 1]);
}

thread_local! {
    static ALIVE: Cell<isize> = const { Cell::new(0) };
    static BOMB: Cell<isize> = const { Cell::new(-1) };
    static AGAIN: RefCell<Option<Slice<Busy>>> = const { RefCell::new(None) };
}

/// Counted; its code uses the slice in `AGAIN`, and panics when the count in `BOMB` comes to zero.
#[derive(Debug)]
#[repr(align(64))]
struct Busy(u32);

impl Busy {
    fn new(n: u32) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Busy(n)
    }
}

/// Uses the slice in every way; what it may not do is a panic, which is caught.
fn busy() {
    let Some(s) = AGAIN.with(|s| s.try_borrow_mut().ok().and_then(|mut s| s.take())) else {
        return;
    };
    let _ = catch_unwind(AssertUnwindSafe(|| s.view().iter().map(|b| b.0).sum::<u32>()));
    let _ = catch_unwind(AssertUnwindSafe(|| s.set(0, Busy::new(50))));
    let _ = catch_unwind(AssertUnwindSafe(|| drop(s.append(Busy::new(51)))));
    let _ = catch_unwind(AssertUnwindSafe(|| s.reslice(..s.cap()).len()));
    AGAIN.set(Some(s));
}

fn tick() {
    busy();
    let left = BOMB.get();
    BOMB.set(left - 1);
    if left == 0 && !std::thread::panicking() {
        panic!("bomb");
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        tick();
        Busy::new(self.0)
    }
}

impl Default for Busy {
    fn default() -> Self {
        tick();
        Busy::new(0)
    }
}

impl PartialEq for Busy {
    fn eq(&self, other: &Self) -> bool {
        tick();
        self.0 == other.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        tick();
    }
}

/// Every operation, with the n-th call of an element's code panicking, and all of them using the slice: nothing is
/// dropped twice or lost, and the slices are good afterwards.
#[test]
fn code_of_elements_panics_and_comes_back() {
    std::panic::set_hook(Box::new(|_| {}));
    type Operation = fn(&mut Slice<Busy>, &Slice<Busy>);
    let operations: [Operation; 10] = [
        |s, _| drop(s.append(Busy::new(60))),
        |s, _| s.push(Busy::new(61)),
        |s, _| s.set(1, Busy::new(62)),
        |s, t| assert!(s.copy_from(t) <= 2),
        |s, t| drop(s.append_slice(t)),
        |s, t| s.extend(t),
        |s, _| drop(s.reslice(..s.cap())),
        |s, t| assert!(*s != *t || *s == *t),
        |s, _| drop(s.get(0)),
        |s, _| s.push(Busy::new(63)),
    ];
    for again in [false, true] {
        for shared in [false, true] {
            for bomb in -1..12 {
                for operation in operations {
                    BOMB.set(-1);
                    let array =
                        Slice::from_vec((0..6).map(Busy::new).collect()).append(Busy::new(6));
                    let mut s = array.window(2..4);
                    let t = array.window(3..6);
                    let full = Slice::from_vec(vec![Busy::new(1), Busy::new(2)]);
                    if again {
                        AGAIN.set(Some(array.clone()));
                    }
                    let array = shared.then_some(array);
                    let mut full = full;
                    BOMB.set(bomb);
                    let _ = catch_unwind(AssertUnwindSafe(|| operation(&mut s, &t)));
                    let _ = catch_unwind(AssertUnwindSafe(|| operation(&mut full, &t)));
                    BOMB.set(-1);
                    drop(AGAIN.take());
                    for s in [&s, &t, &full] {
                        assert_eq!(s.view().len(), s.len());
                        assert!(s.len() <= s.cap());
                        drop(s.append(Busy::new(9)));
                    }
                    if let Some(array) = array {
                        assert_eq!(array.view().len(), 7);
                    }
                }
                BOMB.set(-1);
                assert_eq!(ALIVE.get(), 0, "again {again}, shared {shared}, bomb {bomb}");
            }
        }
    }
    let _ = std::panic::take_hook();
}

#[test]
fn moved_when_alone_and_cloned_when_not() {
    #[derive(Debug)]
    struct Counted(Rc<Cell<u32>>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.set(self.0.get() + 1);
            Counted(self.0.clone())
        }
    }
    let clones = Rc::new(Cell::new(0));
    let mut s = Slice::nil();
    for _ in 0..100 {
        s.push(Counted(clones.clone()));
    }
    assert_eq!(clones.get(), 0);
    let mut s = s.window(10..20);
    s.push(Counted(clones.clone())); // over what is there
    assert_eq!((s.len(), s.cap(), clones.get()), (11, 118, 0));
    let other = s.clone();
    s.extend((0..200).map(|_| Counted(clones.clone())));
    assert_eq!((clones.get(), other.len(), s.len()), (11, 11, 211));
}
