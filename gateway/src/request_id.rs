//! The name of one request, in its answer and in the log.

use crate::request::{Field, Head};
use http::HeaderName;
use proto::id::request_id_of;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One request's name: visible ASCII.
#[derive(Debug, Clone)]
pub(crate) enum RequestId {
    Minted([u8; 32]),
    /// By the client.
    Given(Box<str>),
}

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Minted(digits) => std::str::from_utf8(digits).unwrap_or_default(),
            Self::Given(id) => id,
        }
    }
}

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
    pub(crate) fn of(&self, head: &Head) -> RequestId {
        let given = head.all(Field::RequestId).next().and_then(request_id_of);
        given.map_or_else(|| self.mint(), |id| RequestId::Given(id.into()))
    }

    fn mint(&self) -> RequestId {
        let mut id = [0; 32];
        let (process, count) = id.split_at_mut(16);
        process.copy_from_slice(&self.process);
        write_digits(self.next.fetch_add(1, Ordering::Relaxed), count);
        RequestId::Minted(id)
    }
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
        assert_ne!(one.as_str(), other.as_str());
        assert_ne!(one.as_str(), RequestIds::new().mint().as_str());
        for id in [one, other] {
            assert_eq!(id.as_str().len(), 32);
            assert!(id.as_str().bytes().all(|b| b.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn only_a_harmless_id_of_the_clients_is_kept() {
        let of = |id| RequestIds::new().of(&Head::of(&[(Field::RequestId, id)])).as_str().to_owned();
        assert_eq!(of("abc-1.2_X"), "abc-1.2_X");
        for bad in ["", "a b", "a\"b", "\u{9}x"] {
            assert_eq!(of(bad).len(), 32, "{bad:?}");
        }
    }
}
