//! `ForkSlice`: who pushes in place, who copies, and that nobody sees what another has pushed.

use rt::collections::ForkSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[test]
fn the_first_to_push_owns_the_tail() {
    let mut a = ForkSlice::with_capacity(10);
    a.extend([1, 2]);
    let mut b = a.clone();
    b.push(3);
    assert!(a.shares_buffer_with(&b));
    a.push(4);
    assert!(!a.shares_buffer_with(&b));
    assert_eq!((a, b), ([1, 2, 4].into(), [1, 2, 3].into()));
}

#[test]
fn who_is_alone_pushes_in_place_after_a_truncation() {
    let mut a = ForkSlice::with_capacity(10);
    a.extend([1, 2, 3]);
    let at = a.as_ptr();
    a.truncate(1);
    a.push(9);
    assert_eq!((a.as_ptr(), &a[..]), (at, &[1, 9][..]));
    let b = a.reslice(..1);
    a.truncate(1);
    a.push(8); // somebody may have the rest
    assert_ne!(a.as_ptr(), at);
    assert_eq!((a, b), ([1, 8].into(), [1].into()));
}

#[test]
fn what_is_cut_off_goes_with_who_is_the_last_to_have_it() {
    let counted = Arc::new(());
    let others = || Arc::strong_count(&counted) - 1;
    let mut a: ForkSlice<_> = ForkSlice::from_vec(vec![counted.clone(); 5]);
    a.truncate(5);
    a.truncate(3);
    assert_eq!((a.len(), others()), (3, 3));
    let mut b = a.reslice(1..);
    a.clear(); // somebody else has two of them
    assert_eq!((a.len(), b.len(), others()), (0, 2, 3));
    drop(a);
    b.clear(); // nobody has; but what lies before is not behind
    assert_eq!((b.len(), others()), (0, 1));
    b.push(counted.clone());
    assert_eq!((b.len(), others()), (1, 2));
    drop(b);
    assert_eq!(others(), 0);
}

/// The rest is dropped, and nothing twice.
#[test]
fn a_destructor_that_panics_when_it_is_cut_off() {
    struct Last(Arc<()>, bool);
    impl Drop for Last {
        fn drop(&mut self) {
            assert!(!self.1, "on purpose");
        }
    }
    let counted = Arc::new(());
    let mut a: ForkSlice<_> =
        ForkSlice::from_vec((0..4).map(|n| Last(counted.clone(), n == 2)).collect());
    catch_unwind(AssertUnwindSafe(|| a.truncate(1))).unwrap_err();
    assert_eq!((a.len(), Arc::strong_count(&a[0].0)), (1, 2));
    drop(a);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn subsets_need_no_copies() {
    fn helper(nums: &[i32], res: &mut Vec<ForkSlice<i32>>, mut tmp: ForkSlice<i32>, level: usize) {
        res.push(tmp.clone());
        for i in level..nums.len() {
            tmp.push(nums[i]);
            helper(nums, res, tmp.clone(), i + 1);
            tmp.truncate(tmp.len() - 1);
        }
    }
    let mut res = Vec::new();
    helper(&[1, 2, 3], &mut res, ForkSlice::new(), 0);
    let text = ForkSlice::from_vec(res).to_string();
    assert_eq!(text, "[[] [1] [1 2] [1 2 3] [1 3] [2] [2 3] [3]]");
}

#[test]
fn parts_and_messages() {
    let a = ForkSlice::from([0, 1, 2, 3]);
    let mut b = a.reslice(1..=2);
    assert_eq!(b.reslice(1..), [2]);
    b.push(9);
    assert_eq!((&a[..], &b[..]), (&[0, 1, 2, 3][..], &[1, 2, 9][..]));
    let text = |range: std::ops::Range<usize>| {
        let caught = catch_unwind(|| a.reslice(range)).unwrap_err();
        caught.downcast_ref::<String>().unwrap().clone()
    };
    assert_eq!(text(0..5), "slice bounds out of range [:5] with length 4");
    assert_eq!(text(std::ops::Range { start: 3, end: 2 }), "slice bounds out of range [3:2]");
    assert_eq!(a.reslice(1..3).into_vec(), [1, 2]);
    assert_eq!(a.reslice(2..).into_iter().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(b.clone().into_vec(), [1, 2, 9]);
    assert_eq!(ForkSlice::<u8>::new().reslice(..).into_vec(), []);
}

#[test]
fn elements_without_a_size_and_with_a_wide_one() {
    let mut a = ForkSlice::new();
    (0..100).for_each(|_| a.push(()));
    assert_eq!(a.append(()).len() + a.len(), 201);
    #[repr(align(128))]
    #[derive(Clone)]
    struct Wide(u8);
    let mut a = ForkSlice::new();
    (0..100).for_each(|n| a.push(Wide(n)));
    assert!(
        a.iter().enumerate().all(|(i, w)| usize::from(w.0) == i && (&raw const *w).is_aligned())
    );
}

#[test]
fn drops_are_exact_and_a_clone_that_panics_changes_nothing() {
    struct Counted(Arc<()>, bool);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            assert!(!self.1, "no clone");
            Counted(self.0.clone(), false)
        }
    }
    let count = Arc::new(());
    let new = |bad| Counted(count.clone(), bad);
    {
        let mut a = ForkSlice::from([new(false), new(true)]);
        a.reserve_for_test();
        let mut b = a.clone();
        b.push(new(false));
        assert!(catch_unwind(AssertUnwindSafe(|| a.push(new(false)))).is_err());
        assert_eq!((a.len(), b.len(), Arc::strong_count(&count)), (2, 3, 4));
        drop(a);
        b.truncate(1);
        b.push(new(false)); // alone: drops the rest, and stays
        assert_eq!(Arc::strong_count(&count), 3);
        let c = b.append(new(false));
        drop(b);
        assert_eq!(c.into_vec().len(), 3);
    }
    assert_eq!(Arc::strong_count(&count), 1);
}

/// What lies outside of the part goes when it is taken out of its buffer; what is in it is not lost by that.
#[test]
fn a_destructor_that_panics_when_a_part_is_taken_out() {
    #[derive(Clone)]
    struct Bad(Arc<()>, bool);
    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(!self.1, "on purpose, of {}", Arc::strong_count(&self.0));
        }
    }
    let counted = Arc::new(());
    for bad in [0, 3] {
        let fork = ForkSlice::from_vec((0..4).map(|n| Bad(counted.clone(), n == bad)).collect());
        let part = fork.reslice(1..3);
        drop(fork);
        assert!(catch_unwind(AssertUnwindSafe(|| part.into_vec())).is_err());
        assert_eq!(Arc::strong_count(&counted), 1);
        let mut fork =
            ForkSlice::from_vec((0..4).map(|n| Bad(counted.clone(), n == bad)).collect());
        fork = fork.reslice(1..3);
        let more = (0..9).map(|_| Bad(counted.clone(), false)).collect::<Vec<_>>();
        assert!(catch_unwind(AssertUnwindSafe(|| fork.extend(more))).is_err());
        assert_eq!((fork.len(), Arc::strong_count(&counted)), (2, 3));
    }
}

trait Room {
    fn reserve_for_test(&mut self);
}

impl<T: Clone> Room for ForkSlice<T> {
    fn reserve_for_test(&mut self) {
        let mut vec = std::mem::take(self).into_vec();
        vec.reserve(10);
        *self = ForkSlice::from_vec(vec);
    }
}

/// Threads fork, push and read at the same time; each fork holds what its own history says.
#[test]
fn forks_of_many_threads() {
    let rounds = if cfg!(miri) { 3 } else { 300 };
    for round in 0..rounds {
        let mut base = ForkSlice::with_capacity(8);
        base.push(Box::new(round));
        let threads: Vec<_> = (0..4)
            .map(|t| {
                let base = base.clone();
                std::thread::spawn(move || {
                    let mut forks = vec![(base.clone(), vec![round])];
                    for n in 0..20_usize {
                        let (mut fork, mut model) = forks[n * 7 % forks.len()].clone();
                        fork.push(Box::new(t * 100 + n));
                        model.push(t * 100 + n);
                        if n % 5 == 0 {
                            fork.truncate(1);
                            model.truncate(1);
                        }
                        forks.push((fork, model));
                    }
                    forks
                })
            })
            .collect();
        base.push(Box::new(7));
        assert_eq!(base, [Box::new(round), Box::new(7)]);
        drop(base);
        for thread in threads {
            for (fork, model) in thread.join().unwrap() {
                assert!(fork.iter().map(|b| **b).eq(model));
            }
        }
    }
}

#[test]
fn ordered_hashed_sent() {
    fn send_and_sync<T: Send + Sync>(_: &T) {}
    let a = ForkSlice::from([1, 2]);
    send_and_sync(&a);
    assert!(a < a.append(0) && a == [1, 2] && a == vec![1, 2] && a == [1, 2][..]);
    let mut map = std::collections::HashMap::new();
    map.insert(a, "found");
    assert_eq!(map.get(&[1, 2][..]), Some(&"found"));
}
