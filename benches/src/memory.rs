//! What the kernel says about this process's memory.

use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader};

/// Warm bytes per parked task: 4.5 GiB for a million.
const WARM_EACH: usize = 4832;

/// The physical memory that a process holds.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident pages, in bytes.
    pub resident: u64,
    /// Page tables, in bytes: they grow with every stack that touches a page.
    pub page_tables: u64,
}

impl Usage {
    /// What this process holds now; zeroes where `/proc` is absent.
    #[must_use]
    pub fn now() -> Self {
        Self::of("self")
    }

    /// What the process of that number holds now; zeroes where there is none.
    #[must_use]
    pub fn of(process: &str) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        Self { resident: field(&status, "VmRSS:"), page_tables: field(&status, "VmPTE:") }
    }

    /// Bytes more than `before`, shared out among `n`.
    #[must_use]
    pub fn each_since(self, before: Self, n: usize) -> f64 {
        let bytes = |usage: Self| (usage.resident + usage.page_tables) as f64;
        (bytes(self) - bytes(before)) / n as f64
    }
}

/// Reads a field such as `VmRSS:  1234 kB` in bytes.
fn field(status: &str, name: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

/// How many mappings this process has: the kernel allows 65,530 unless told otherwise.
#[must_use]
pub fn mappings() -> usize {
    let Ok(file) = fs::File::open("/proc/self/maps") else {
        return 0;
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut lines = 0;
    while let Ok(chunk) = reader.fill_buf() {
        if chunk.is_empty() {
            break;
        }
        lines += chunk.iter().filter(|&&byte| byte == b'\n').count();
        let len = chunk.len();
        reader.consume(len);
    }
    lines
}

/// Touches as many pages as `parked` tasks may need, then gives them back.
///
/// A virtual machine's host hands out memory at the first touch, at ten times
/// the price of a page fault. Whoever is measured first must not pay for it.
pub fn warm(parked: usize) {
    // Ones, because nobody touches a page that is asked for as zeroes.
    drop(black_box(vec![1_u8; parked * WARM_EACH]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_field_is_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t    1234 kB\nVmPTE:\t 8 kB\n";
        assert_eq!(field(status, "VmRSS:"), 1234 * 1024);
        assert_eq!(field(status, "VmPTE:"), 8 * 1024);
        assert_eq!(field(status, "VmSwap:"), 0);
    }

    #[test]
    fn touched_memory_shows() {
        let before = Usage::now();
        let pages = black_box(vec![1_u8; 64 << 20]);
        let each = Usage::now().each_since(before, 64 << 20);
        assert!((0.9..1.5).contains(&each), "{each} bytes for each byte");
        assert!(mappings() > 3);
        drop(pages);
    }
}
