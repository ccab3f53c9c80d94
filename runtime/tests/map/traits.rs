//! The traits of the map's iterators and entries, beside those of std's, for keys and values of all kinds.

use rt::collections::map as ours;
use std::any::type_name;
use std::cell::Cell;
use std::collections::hash_map as theirs;
use std::marker::PhantomPinned;
use std::rc::Rc;
use std::sync::MutexGuard;

type Wanted<K, V> = fn(&K, &mut V) -> bool;
type Guard = MutexGuard<'static, u8>;
type Change = &'static mut u8;

/// It has no traits but those that all have.
struct Bare;

/// For each trait, whether a type has it: a constant that is there for all, hidden by one for those that do.
macro_rules! traits {
    ($($module:ident: $trait:path;)+) => {$(
        mod $module {
            pub(super) struct Is<T>(std::marker::PhantomData<T>);
            pub(super) trait Otherwise {
                const HAS: bool = false;
            }
            impl<T> Otherwise for Is<T> {}
            impl<T: $trait> Is<T> {
                pub(super) const HAS: bool = true;
            }
        }
        use $module::Otherwise as _;
    )+};
}

traits! {
    send: Send;
    sync: Sync;
    unpin: Unpin;
    unwind_safe: std::panic::UnwindSafe;
    ref_unwind_safe: std::panic::RefUnwindSafe;
    debug: std::fmt::Debug;
    clone: Clone;
    default: Default;
    exact_size: ExactSizeIterator;
    fused: std::iter::FusedIterator;
}

/// Of each trait: whether our type has it, and std's.
macro_rules! both {
    ($ours:ty, $theirs:ty: $($module:ident)+) => {
        [$((
            concat!(stringify!($module), " of "),
            type_name::<$ours>(),
            $module::Is::<$ours>::HAS,
            $module::Is::<$theirs>::HAS,
        )),+]
    };
}

/// The same of all types.
macro_rules! all {
    ($($key:ty, $value:ty;)+) => {{
        let mut all = Vec::new();
        $({
            type K = $key;
            type V = $value;
            all!(@ all, Iter('static, K, V), IterMut('static, K, V), Keys('static, K, V), Values('static, K, V));
            all!(@ all, ValuesMut('static, K, V), IntoIter(K, V), IntoKeys(K, V), IntoValues(K, V));
            all!(@ all, Drain('static, K, V), ExtractIf('static, K, V, Wanted<K, V>));
            all!(@ all, Entry('static, K, V), OccupiedEntry('static, K, V), VacantEntry('static, K, V));
        })+
        all
    }};
    (@ $all:ident, $($name:ident($($args:tt)*)),+) => {$(
        $all.extend(both!(ours::$name<$($args)*>, theirs::$name<$($args)*>:
            send sync unpin unwind_safe ref_unwind_safe debug clone default exact_size fused
        ));
    )+};
}

#[test]
fn they_have_those_that_std_s_have() {
    let all = all! {
        u8, u8;
        u8, Bare;
        Bare, u8;
        u8, Cell<u8>;
        Cell<u8>, u8;
        u8, Rc<u8>;
        Rc<u8>, u8;
        u8, Guard;
        Guard, u8;
        u8, Change;
        Change, u8;
        u8, PhantomPinned;
        PhantomPinned, u8;
    };
    let lacks: Vec<_> = all.iter().filter(|(.., ours, theirs)| *theirs && !ours).collect();
    assert!(lacks.is_empty(), "{lacks:#?}");
    // Nor do they go where those may not.
    let goes =
        all.iter().filter(|(what, _, ours, theirs)| *ours && !theirs && what.starts_with('s'));
    let goes: Vec<_> = goes.collect();
    assert!(goes.is_empty(), "{goes:#?}");
}
