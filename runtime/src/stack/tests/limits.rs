//! What the pool costs, and what it says when there is no more.

use super::*;
use crate::sys::page_size;

const POOL: &str = "stack::tests::pool::";

#[test]
fn the_pool_works_with_mprotect() {
    if !in_child() {
        child(POOL, &[("RT_STACK_GUARD", "mprotect")]).passed();
    }
}

#[test]
fn the_variable_is_checked() {
    const ME: &str = "stack::tests::limits::the_variable_is_checked";
    if !in_child() {
        return child(ME, &[("RT_STACK_GUARD", "off")]).passed();
    }
    let class = Class::for_size(64 << 10).unwrap();
    let error = take(class, 1, &mut Vec::new()).unwrap_err();
    let start = "the environment variable RT_STACK_GUARD is \"off\": it must be";
    assert!(error.to_string().starts_with(start), "{error}");
}

#[test]
fn stats_follow_the_stacks() {
    const ME: &str = "stack::tests::limits::stats_follow_the_stacks";
    if !in_child() {
        return child(ME, &[]).passed();
    }
    assert_eq!(stats(), Stats::default());
    let out = taken(256 << 10, 10);
    let now = stats();
    assert_eq!((now.in_use, now.free, now.slabs), (10, 0, 1));
    assert_eq!(now.reserved_bytes, now.reserved * ((256 << 10) + page_size()));
    assert!(now.reserved >= 10);
    give(out);
    let after = stats();
    assert_eq!((after.in_use, after.free), (0, 10));
    // The free ones first, and the slab is not used up.
    give(taken(256 << 10, 12));
    assert_eq!(stats().free, 12);
    assert_eq!(stats().slabs, 1);
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// A field of this process's status, in KiB.
fn status(field: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Whether a sanitizer is at work, which maps terabytes of shadow memory beside ours.
fn sanitized() -> bool {
    status("VmSize") > 1 << 30
}

#[test]
fn a_hundred_thousand_in_few_mappings() {
    const ME: &str = "stack::tests::limits::a_hundred_thousand_in_few_mappings";
    if sanitized() {
        return;
    }
    if !in_child() {
        return child(ME, &[]).passed();
    }
    if GuardMode::current().unwrap() == GuardMode::Mprotect || page_size() != 4096 {
        return;
    }
    const COUNT: usize = 100_000;
    let class = Class::for_size(256 << 10).unwrap();
    let mut out = Vec::with_capacity(COUNT);
    let tables = status("VmPTE");
    // So few at a time that none is populated.
    while out.len() < COUNT {
        assert!(take(class, 8, &mut out).unwrap() > 0);
    }
    let mapped = mappings();
    assert!(mapped < 100, "{mapped} mappings");
    let tables = (status("VmPTE") - tables) * 1024 / COUNT;
    assert!(tables <= 600, "{tables} bytes of page table a stack");
    // One page each once touched, none when free.
    const TOUCHED: usize = 10_000;
    let before = status("VmRSS");
    for stack in &out[..TOUCHED] {
        write(stack, bounds(stack).1 - 1, 1);
    }
    let touched = (status("VmRSS") - before) * 1024 / TOUCHED;
    assert!((4000..4400).contains(&touched), "{touched} bytes a touched stack");
    give(out);
    let freed = status("VmRSS").saturating_sub(before) * 1024 / TOUCHED;
    assert!(freed < 200, "{freed} bytes a free stack");
}

#[test]
fn many_at_once_come_with_their_first_page_and_no_other() {
    const ME: &str = "stack::tests::limits::many_at_once_come_with_their_first_page_and_no_other";
    if sanitized() {
        return;
    }
    if !in_child() {
        return child(ME, &[]).passed();
    }
    // So many that what the kernel's count is off by, some hundred KiB, makes no difference.
    const COUNT: usize = 20_000;
    let before = status("VmRSS");
    let out = taken(256 << 10, COUNT);
    let resident = status("VmRSS").saturating_sub(before) * 1024 / COUNT;
    // Where the kernel takes no batches, the first touch pays.
    assert!(resident < page_size() * 11 / 10, "{resident} bytes a stack");
    give(out);
}

/// Whether the page at `address` has memory.
fn is_resident(address: usize) -> bool {
    let page = (address & !(page_size() - 1)) as *mut libc::c_void;
    let mut answer = 0_u8;
    // SAFETY: looks at the page table; one byte of answer for one page.
    let rc = unsafe { libc::mincore(page, page_size(), &raw mut answer) };
    assert_eq!(rc, 0);
    answer & 1 == 1
}

#[test]
fn a_few_at_once_come_without_memory() {
    const ME: &str = "stack::tests::limits::a_few_at_once_come_without_memory";
    if !in_child() {
        return child(ME, &[]).passed();
    }
    let few = taken(256 << 10, 8);
    assert!(few.iter().all(|stack| !is_resident(bounds(stack).1 - 1)));
    let many = taken(256 << 10, 9);
    let ready = many.iter().filter(|stack| is_resident(bounds(stack).1 - 1)).count();
    // All where the kernel takes batches, else none.
    assert!(ready == 9 || ready == 0, "{ready} of 9");
    give(few);
    give(many);
}

#[test]
fn used_up_address_space_is_a_clear_error() {
    const ME: &str = "stack::tests::limits::used_up_address_space_is_a_clear_error";
    if sanitized() {
        return;
    }
    if !in_child() {
        return child(ME, &[]).passed();
    }
    let limit = libc::rlimit { rlim_cur: 1 << 30, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` is a valid limit, of this child alone.
    let rc = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert_eq!(rc, 0);
    let class = Class::for_size(1 << 20).unwrap();
    let mut out = Vec::new();
    let got = take(class, 2000, &mut out).unwrap();
    assert!((100..1024).contains(&got), "{got} stacks");
    let error = take(class, 1, &mut out).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory);
    let text = error.to_string();
    assert!(text.contains("cannot reserve 1048576 bytes for a goroutine stack"), "{text}");
    assert!(text.contains("1073741824 bytes of address space"), "{text}");
    assert!(text.contains("ulimit -v"), "{text}");
    // The rest of the process still gets memory, and what is given back is served again.
    let other = crate::sys::mem::reserve(48 << 20).unwrap();
    // SAFETY: sys invariants 1 and 2: mapped just now, and not used.
    unsafe { crate::sys::mem::release(crate::sys::Span::new(other, 48 << 20)) }.unwrap();
    give(out.drain(..3));
    assert_eq!(take(class, 5, &mut out).unwrap(), 3);
    give(out);
}

/// Sets the limit on address space so that stacks may take `more` bytes.
fn leave_room(more: usize) {
    let used = crate::sys::mem::used(crate::sys::mem::Room::AddressSpace).unwrap();
    // A sixteenth is left to the rest of the process.
    let limit = (used + more) as u64 / 15 * 16;
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` is a valid limit, of this child alone.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

/// The last slab that there is room for is somebody's, and all the others', too.
#[test]
fn who_comes_at_once_shares_what_there_is() {
    const ME: &str = "stack::tests::limits::who_comes_at_once_shares_what_there_is";
    const THREADS: usize = 2;
    const ROUNDS: usize = 12;
    if sanitized() {
        return;
    }
    if !in_child() {
        return child(ME, &[]).passed();
    }
    let class = Class::for_size(1 << 20).unwrap();
    let turn = std::sync::Barrier::new(THREADS + 1);
    let here = std::sync::atomic::AtomicUsize::new(0);
    let takes = || {
        // Each thread has its memory before there is a limit.
        let mut out = Vec::with_capacity(64);
        turn.wait();
        std::array::from_fn::<_, ROUNDS, _>(|round| {
            turn.wait();
            // To the microsecond.
            here.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            while here.load(std::sync::atomic::Ordering::Relaxed) < THREADS * (round + 1) {
                std::thread::yield_now();
            }
            let taken = take(class, 1, &mut out);
            turn.wait();
            taken.map_err(|error| error.to_string())
        })
    };
    std::thread::scope(|s| {
        let takers: Vec<_> = (0..THREADS).map(|_| s.spawn(takes)).collect();
        let mut out = Vec::new();
        turn.wait();
        for _ in 0..ROUNDS {
            // For one slab more, and not for a stack beside it.
            let slab = (stats().reserved * class.pitch()).clamp(16 << 20, 1 << 30);
            leave_room(slab / class.pitch() * class.pitch() + class.pitch() / 2);
            turn.wait();
            turn.wait();
            while take(class, 64, &mut out).is_ok() {}
        }
        for taker in takers {
            assert_eq!(taker.join().unwrap(), [const { Ok(1) }; ROUNDS]);
        }
    });
}

#[test]
fn used_up_mappings_are_a_clear_error() {
    const ME: &str = "stack::tests::limits::used_up_mappings_are_a_clear_error";
    if !in_child() {
        return child(ME, &[]).passed();
    }
    let sysctl = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let limit: usize = sysctl.trim().parse().unwrap();
    if limit > 300_000 {
        // Some systems raise it to two billion; that many stacks are no test.
        return;
    }
    force_mprotect();
    let class = Class::for_size(32 << 10).unwrap();
    let mut out = Vec::new();
    while take(class, 8, &mut out).is_ok() {}
    assert!(out.len() > limit * 2 / 5, "{} stacks", out.len());
    let text = take(class, 1, &mut out).unwrap_err().to_string();
    assert!(text.contains(&format!("{} exist", out.len())), "{text}");
    assert!(text.contains(&format!("vm.max_map_count = {limit}")), "{text}");
    assert!(text.contains("MADV_GUARD_INSTALL"), "{text}");
    assert!(text.contains("6.13"), "{text}");
    // The rest of the process still gets mappings.
    let thread = std::thread::spawn(|| vec![1_u8; 16 << 20].len());
    assert_eq!(thread.join().unwrap(), 16 << 20);
    // What is free is served although nothing fresh can be had, and nothing is lost.
    let all = out.len();
    give(out.drain(..10));
    let stats = stats();
    assert_eq!((stats.in_use, stats.free), (all - 10, 10));
    assert_eq!(take(class, 64, &mut out).unwrap(), 10);
    let prober = Prober::new();
    for stack in out.iter().rev().take(1000) {
        assert!(!prober.can_read(bounds(stack).0));
    }
    give(out);
}

#[test]
fn locked_memory_gets_guards_too() {
    const ME: &str = "stack::tests::limits::locked_memory_gets_guards_too";
    if !in_child() {
        return child(ME, &[]).passed();
    }
    // Some stacks before, so that the mode is found and the pool is mixed.
    let before = taken(32 << 10, 10);
    // SAFETY: changes where pages lie, not what they hold.
    let rc = unsafe { libc::mlockall(libc::MCL_FUTURE) };
    if rc != 0 {
        return;
    }
    let mut out = Vec::new();
    let class = Class::for_size(32 << 10).unwrap();
    // A limit on locked memory (RLIMIT_MEMLOCK) may end it early.
    let _ = take(class, 600, &mut out);
    let prober = Prober::new();
    for stack in before.iter().chain(&out) {
        assert!(!prober.can_read(bounds(stack).0));
        write(stack, bounds(stack).1 - 1, 1);
    }
    give(before);
    give(out);
}
