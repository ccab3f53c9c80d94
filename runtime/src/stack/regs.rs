//! The registers that a stack is walked from.

/// Of a frame that stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Regs {
    /// The instruction.
    pub(crate) ip: usize,
    pub(crate) sp: usize,
    pub(crate) fp: usize,
    /// The return address, on machines that have a register for it.
    pub(crate) lr: usize,
}

impl Regs {
    /// Those of the frame that this is inlined into. `None`: this machine's are not known.
    #[inline(always)]
    pub(crate) fn here() -> Option<Self> {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        let (ip, sp, fp, lr): (usize, usize, usize, usize);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: it reads three registers.
        unsafe {
            std::arch::asm!(
                "lea {ip}, [rip]", "mov {sp}, rsp", "mov {fp}, rbp",
                ip = out(reg) ip, sp = out(reg) sp, fp = out(reg) fp,
                options(nomem, nostack, preserves_flags)
            );
            lr = 0;
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: it reads four registers.
        unsafe {
            std::arch::asm!(
                "adr {ip}, .", "mov {sp}, sp", "mov {fp}, x29", "mov {lr}, x30",
                ip = out(reg) ip, sp = out(reg) sp, fp = out(reg) fp, lr = out(reg) lr,
                options(nomem, nostack, preserves_flags)
            );
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        return None;
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        Some(Self { ip, sp, fp, lr })
    }
}
