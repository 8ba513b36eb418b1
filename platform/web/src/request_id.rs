//! Request ids: taken over from outside when harmless, else made here.

use std::sync::atomic::{AtomicU64, Ordering};

/// Longest name we take over.
const MAX_REQUEST_ID: usize = 64;

/// True for 1 to 64 characters of `[A-Za-z0-9._-]`: nothing that could forge a log line or a header.
pub fn is_request_id(text: &str) -> bool {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=MAX_REQUEST_ID).contains(&text.len()) && text.bytes().all(harmless)
}

/// Makes names that are unique among all processes: 64 random bits per process, then a count. Not secret.
#[derive(Debug)]
pub struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self { process: rand::random(), count: AtomicU64::new(0) }
    }
}

impl RequestIds {
    /// 24 hexadecimal digits.
    pub fn next(&self) -> [u8; 24] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut out = [b'0'; 24];
        for (i, digit) in out.iter_mut().enumerate() {
            let nibble = match i {
                0..16 => self.process >> (60 - 4 * i),
                _ => count >> (28 - 4 * (i - 16)),
            };
            *digit = HEX[usize::try_from(nibble & 0xf).expect("four bits")];
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_over_only_harmless_names() {
        for fine in ["a", "0af7651916cd43dd-1.2_x", &"x".repeat(64)] {
            assert!(is_request_id(fine), "{fine}");
        }
        for wrong in ["", "a b", "a\nb", "ü", "a;b", &"x".repeat(65), "<script>"] {
            assert!(!is_request_id(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn makes_names_that_differ_and_that_it_would_take_over() {
        let ids = RequestIds::default();
        let (a, b) = (ids.next(), ids.next());
        assert_ne!(a, b);
        assert!(is_request_id(std::str::from_utf8(&a).unwrap()));
        assert_ne!(a[..16], RequestIds::default().next()[..16], "another process");
    }
}
