//! Panics about the user's mistakes name the line that made them.

use rt::collections::Map;
use rt::context::Context;
use rt::pool::Pool;
use rt::signal::{self, Signal};
use rt::sync::{LazyLock, Semaphore};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

/// Where the panics of this process happened, last; but for those that are on purpose.
static LAST: Mutex<Option<(String, u32)>> = Mutex::new(None);

#[track_caller]
fn names_its_line(f: impl FnOnce()) {
    let here = Location::caller();
    *LAST.lock().unwrap() = None;
    catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    let last = LAST.lock().unwrap().clone().expect("a panic that the hook sees");
    // The closure begins in the line of the call.
    assert_eq!(last, (here.file().to_owned(), here.line()));
}

/// One test: the hook is the process's.
#[test]
fn the_users_line_is_named() {
    let old = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let at = info.location().unwrap();
        *LAST.lock().unwrap() = Some((at.file().to_owned(), at.line()));
        old(info);
    }));
    rt::Runtime::builder().procs(2).build().unwrap().run(all);
    let kill = Signal::from_raw(9).unwrap();
    names_its_line(|| drop(signal::notify(&[kill])));
    names_its_line(|| drop(signal::notify_context(&Context::background(), &[kill])));
    names_its_line(|| signal::ignore(&[kill]));
}

fn all() {
    let second = Duration::from_secs(1);
    let ctx = Context::background();
    let taken = || {
        let handle = rt::spawn(|| 1);
        assert_eq!(handle.join_timeout(second * 60).unwrap(), 1);
        handle
    };
    let handle = taken();
    names_its_line(|| drop(handle.join_timeout(second)));
    names_its_line(|| drop(handle.join_ctx(&ctx)));
    names_its_line(|| drop(handle.join()));

    names_its_line(|| rt::scope(|s| drop(s.spawn(|| std::panic::resume_unwind(Box::new(1))))));

    let pool = Pool::new(1).unwrap();
    names_its_line(|| pool.scope(|s| drop(s.spawn(|| std::panic::resume_unwind(Box::new(1))))));
    let task = pool.spawn(|| 1).unwrap();
    task.join_timeout(second * 60).unwrap();
    names_its_line(|| drop(task.join_timeout(second)));
    names_its_line(|| drop(task.join_ctx(&ctx)));
    names_its_line(|| drop(task.join()));

    let poisoned = LazyLock::new(|| -> u32 { panic!("on purpose") });
    catch_unwind(AssertUnwindSafe(|| *poisoned)).unwrap_err();
    names_its_line(|| _ = *poisoned);
    names_its_line(|| _ = LazyLock::force(&poisoned));

    names_its_line(|| _ = Semaphore::new(usize::MAX));
    names_its_line(|| drop(Semaphore::new(1).acquire(2)));

    rt::goroutine_local! {
        static LOCAL: RefCell<u32> = RefCell::new(1);
    }
    LOCAL.with_borrow_mut(|_| {
        names_its_line(|| LOCAL.with_borrow(|_| ()));
        names_its_line(|| LOCAL.with_borrow_mut(|_| ()));
        names_its_line(|| LOCAL.set(2));
        names_its_line(|| _ = LOCAL.replace(2));
        names_its_line(|| _ = LOCAL.take());
    });

    let mut map = Map::from([(1, 1)]);
    names_its_line(|| drop(Map::<u8, u8>::with_capacity(usize::MAX)));
    names_its_line(|| map.reserve(usize::MAX));
    names_its_line(|| _ = map.get_disjoint_mut([&1, &1]));
}
