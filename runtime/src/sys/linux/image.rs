//! What is loaded into the process: the program and its libraries, with the tables by which their stacks are unwound.

use std::ops::Range;
use std::slice;

/// One of them.
#[derive(Debug)]
pub(crate) struct Image {
    /// Where it lies.
    pub(crate) addresses: Range<u64>,
    /// What is added to the addresses that it states.
    pub(crate) base: u64,
    /// The tables: the addresses that it states for them, and what is in them.
    pub(crate) eh_frame_hdr: (Range<u64>, &'static [u8]),
    pub(crate) eh_frame: (Range<u64>, &'static [u8]),
}

/// All that have tables. Those that the program unloads later must not be used after that.
pub(crate) fn images() -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    // SAFETY: the function is called with this very data, before the call returns.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut images).cast()) };
    images
}

/// # Safety
/// Called by `dl_iterate_phdr`, with a pointer to a vector of images.
unsafe extern "C" fn add(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    data: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: as the caller says.
    let images = unsafe { &mut *data.cast::<Vec<Image>>() };
    // SAFETY: as the caller says.
    let info = unsafe { &*info };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: so the loader states.
    let segments = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    if let Some(image) = image(info.dlpi_addr, segments) {
        images.push(image);
    }
    0
}

fn image(base: u64, segments: &[libc::Elf64_Phdr]) -> Option<Image> {
    let extent = |s: &libc::Elf64_Phdr| s.p_vaddr..s.p_vaddr + s.p_memsz;
    let loaded = || segments.iter().filter(|s| s.p_type == libc::PT_LOAD).map(extent);
    let hdr = segments.iter().find(|s| s.p_type == libc::PT_GNU_EH_FRAME).map(extent)?;
    let whole = |at: &Range<u64>| loaded().any(|s| s.start <= at.start && at.end <= s.end);
    // SAFETY: it lies in a segment that is loaded, and stays as long as the image; see `images`.
    let read = |at: &Range<u64>| unsafe {
        let start = std::ptr::with_exposed_provenance((base + at.start) as usize);
        slice::from_raw_parts::<u8>(start, (at.end - at.start) as usize)
    };
    if !whole(&hdr) || hdr.end - hdr.start < 8 {
        return None;
    }
    let index = read(&hdr);
    // Version 1, and the address of the table as 4 bytes from where they are: what linkers write.
    if index[..2] != [1, 0x1b] {
        return None;
    }
    let distance = i32::from_ne_bytes(index[4..8].try_into().ok()?);
    let table = (hdr.start + 4).checked_add_signed(distance.into())?;
    // Its end is stated nowhere; it has a mark of its own.
    let end = loaded().find(|s| s.contains(&table))?.end;
    let table = table..end;
    Some(Image {
        addresses: base + loaded().map(|s| s.start).min()?..base + loaded().map(|s| s.end).max()?,
        base,
        eh_frame: (table.clone(), read(&table)),
        eh_frame_hdr: (hdr, index),
    })
}
