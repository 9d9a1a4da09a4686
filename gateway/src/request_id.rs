//! The name of one request, in its answer and in the log.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A client's own id may be as long as this.
const MOST: usize = 128;

/// Makes ids: 16 digits that are this process's alone, and 16 that count.
pub(crate) struct RequestIds {
    process: [u8; 16],
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let (_, random) = uuid::Uuid::now_v7().as_u64_pair();
        let mut process = [0; 16];
        write_digits(random, &mut process);
        Self { process, next: AtomicU64::new(1) }
    }

    /// The client's own id if it is a harmless one, else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        headers.get(X_REQUEST_ID).filter(|id| is_harmless(id)).cloned().unwrap_or_else(|| self.mint())
    }

    fn mint(&self) -> HeaderValue {
        let mut id = [0; 32];
        let (process, count) = id.split_at_mut(16);
        process.copy_from_slice(&self.process);
        write_digits(self.next.fetch_add(1, Ordering::Relaxed), count);
        HeaderValue::from_bytes(&id).expect("hexadecimal digits are a header value")
    }
}

fn is_harmless(id: &HeaderValue) -> bool {
    matches!(id.len(), 1..=MOST) && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

/// Of a number, as many hexadecimal digits as there is room for.
fn write_digits(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_are_32_digits_and_differ() {
        let ids = RequestIds::new();
        let (one, other) = (ids.mint(), ids.mint());
        assert_ne!(one, other);
        assert_ne!(one, RequestIds::new().mint());
        for id in [one, other] {
            assert_eq!(id.len(), 32);
            assert!(id.as_bytes().iter().all(u8::is_ascii_hexdigit));
        }
    }

    #[test]
    fn only_a_harmless_id_of_the_clients_is_kept() {
        let of = |id: &'static str| {
            RequestIds::new().of(&HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_static(id))]))
        };
        assert_eq!(of("abc-1.2_X"), "abc-1.2_X");
        for bad in ["", "a b", "a\"b", "\u{9}x"] {
            assert_eq!(of(bad).len(), 32, "{bad:?}");
        }
    }
}
