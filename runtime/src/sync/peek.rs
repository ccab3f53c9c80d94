//! What is seen of a lock from outside, while somebody who waits for it is kept parked (`sched::look`): so it is there.

use super::mutex::RawMutex;
use super::rwlock::RawRwLock;

/// An address in the stack of who has a mutex, if that is known.
///
/// # Safety
/// The address is that which a waiter for a mutex has noted, and the waiter is kept parked.
pub(crate) unsafe fn peek_mutex(address: usize) -> Option<usize> {
    // SAFETY: as the caller says: what the waiter has borrowed.
    unsafe { &*std::ptr::with_exposed_provenance::<RawMutex>(address) }.owner()
}

/// The same of a `RwLock` that is held for writing; and how many hold it for reading.
///
/// # Safety
/// As [`peek_mutex`], of a `RwLock`.
pub(crate) unsafe fn peek_rwlock(address: usize) -> (Option<usize>, u32) {
    // SAFETY: as the caller says: what the waiter has borrowed.
    unsafe { &*std::ptr::with_exposed_provenance::<RawRwLock>(address) }.holders()
}
