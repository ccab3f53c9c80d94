//! What may be used in and after a `catch_unwind`: everything that the crate gives out and that waits, holds or shares
//! something, as std's own locks and channels.

use std::any::Any;
use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

/// Holds what std calls unsafe on its own.
type Bad = Cell<u8>;

const fn safe<T: UnwindSafe + RefUnwindSafe + ?Sized>() {}

macro_rules! all {
    ($($t:ty)*) => { $(const _: () = safe::<$t>();)* };
}

all! {
    rt::Runtime rt::Handle rt::Builder rt::ShutdownTimeout rt::trace::Metrics
    rt::JoinHandle<Bad> rt::JoinError rt::task::Builder rt::task::Task
    rt::task::ScopedJoinHandle<'static, Bad> &'static rt::task::Scope<'static, 'static>
    rt::chan::Chan<Bad> rt::chan::Sender<Bad> rt::chan::Receiver<Bad>
    rt::sync::Mutex<Bad> rt::sync::Mutex<dyn Any> rt::sync::MutexGuard<'static, Bad>
    rt::sync::RwLock<Bad> rt::sync::RwLock<dyn Any>
    rt::sync::RwLockReadGuard<'static, Bad> rt::sync::RwLockWriteGuard<'static, Bad>
    rt::sync::Condvar rt::sync::Semaphore rt::sync::Permit<'static> rt::sync::OwnedPermit
    rt::sync::Once rt::sync::OnceLock<u8> rt::sync::LazyLock<u8> rt::sync::Barrier rt::sync::WaitGroup
    rt::sync::Map<u8, u8> rt::sync::Pool<Bad> rt::sync::SingleFlight<u8, u8> rt::sync::ErrGroup<u8>
    rt::time::Timer rt::time::Ticker
    rt::context::Context rt::context::CancelFunc
    rt::net::TcpListener rt::net::TcpStream rt::net::UdpSocket rt::net::UnixListener rt::net::UnixStream
    rt::collections::Slice<u8> rt::collections::ForkSlice<u8> rt::collections::Map<u8, u8>
    rt::any::Dyn
    rt::panic::Panic
    rt::pool::Pool rt::pool::WorkerPool<Bad> rt::pool::MultiPool rt::pool::Task<Bad> rt::pool::Group<Bad, Bad>
    &'static rt::pool::Scope<'static, 'static> rt::pool::ScopedTask<'static, Bad>
}

#[test]
fn a_panic_with_a_guard_unlocks() {
    let (lock, mutex) = (rt::sync::RwLock::new(1), rt::sync::Mutex::new(1));
    let caught = catch_unwind(|| {
        let (mut one, mut other) = (lock.write(), mutex.lock());
        (*one, *other) = (2, 2);
        panic!("on purpose");
    });
    caught.unwrap_err();
    assert_eq!((*lock.read(), *mutex.lock()), (2, 2));
    let mut guard = lock.write();
    catch_unwind(move || *guard += 1).unwrap();
    assert_eq!(*lock.read(), 3);
}
