//! Reading memory that may be gone, or that others may write: the kernel does it.

/// Copies what is at `from` into `to`. `false`: it is not there, or only in part; what is in `to` then is
/// not defined but initialized. What is copied may be torn, if others write it.
pub(crate) fn peek(from: usize, to: &mut [u8]) -> bool {
    let remote = libc::iovec { iov_base: from as *mut libc::c_void, iov_len: to.len() };
    let local = libc::iovec { iov_base: to.as_mut_ptr().cast(), iov_len: to.len() };
    // SAFETY: no arguments; it cannot fail.
    let me = unsafe { libc::getpid() };
    // SAFETY: the kernel writes into `to` alone, and finds out by itself what can be read.
    let read = unsafe { libc::process_vm_readv(me, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read) == Ok(to.len())
}

#[cfg(test)]
mod tests {
    use super::peek;

    #[test]
    fn reads_what_is_there_and_refuses_what_is_not() {
        let text = *b"goroutine";
        let mut out = [0; 9];
        assert!(peek(text.as_ptr().addr(), &mut out));
        assert_eq!(out, text);
        assert!(!peek(8, &mut out));
    }
}
