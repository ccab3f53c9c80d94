//! A message written from a signal handler: no allocation, no lock, no formatting machinery.
//!
//! Invariants
//! 1. Everything here is async-signal-safe: arithmetic on a buffer in the caller's frame, and
//!    `write(2)`.

/// Text for standard error, buffered until it is complete or the buffer is full.
pub(crate) struct Report {
    text: [u8; 1024],
    len: usize,
}

impl Report {
    pub(super) fn new() -> Self {
        Report { text: [0; 1024], len: 0 }
    }

    /// Adds text.
    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        for &byte in text.as_bytes() {
            if self.len == self.text.len() {
                self.flush();
            }
            if let Some(place) = self.text.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
        self
    }

    /// Adds a number in decimal digits.
    pub(crate) fn num(&mut self, number: u64) -> &mut Self {
        self.digits(number)
    }

    fn digits(&mut self, mut number: u64) -> &mut Self {
        // 20 digits hold any u64 in decimal.
        let mut digits = [0_u8; 20];
        let mut from = digits.len();
        loop {
            from -= 1;
            digits[from] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        // Only ASCII was put there.
        self.str(std::str::from_utf8(&digits[from..]).unwrap_or("?"))
    }

    /// Writes what is there to standard error, as far as it takes it.
    pub(super) fn flush(&mut self) {
        let mut rest = &self.text[..self.len];
        while !rest.is_empty() {
            // SAFETY: pointer and length describe `rest`.
            let rc = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(rc) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                // A closed standard error must not stop the abort that follows. An interruption is
                // the one error that passes; reading errno is async-signal-safe.
                Err(_) => {
                    let error = std::io::Error::last_os_error();
                    if error.raw_os_error() != Some(libc::EINTR) {
                        break;
                    }
                }
            }
        }
        self.len = 0;
    }

    #[cfg(test)]
    fn text(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_text() {
        let mut report = Report::new();
        report.str("a ").num(0).str(" b ").num(u64::MAX);
        assert_eq!(report.text(), "a 0 b 18446744073709551615");
    }
}
