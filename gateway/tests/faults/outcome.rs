//! What may become of an answer when storage fails, and nothing else.

use super::{CANARY, Stage};
use crate::harness::{Answer, Ended, Request};
use std::time::Duration;

/// Longer than everything that the gateway may wait for in one answer, several times over.
const PATIENCE: Duration = Duration::from_secs(100);

/// How an answer came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every byte, and no other.
    Exact,
    /// The connection ended after so many right bytes, fewer than promised; perhaps before the head had gone out.
    Cut(usize),
    /// An error: its status and `code`.
    Refused(u16, String),
}

impl Stage {
    /// Asks, and holds the answer against the bytes that it has to bring.
    #[track_caller]
    pub(crate) fn outcome(&self, request: Request, wanted: &[u8]) -> Outcome {
        let raw = request.send_raw(PATIENCE);
        assert_ne!(raw.ended, Ended::Open, "the client is left waiting after {} bytes", raw.bytes.len());
        let Some((head, end)) = Answer::parse_head(&raw.bytes) else {
            assert_eq!(raw.bytes, b"", "half a head");
            return Outcome::Cut(0);
        };
        let body = raw.bytes[end..].to_vec();
        if !matches!(head.status(), 200 | 206) {
            return self.refusal(&head.with_body(body));
        }
        assert_eq!(head.sure_header("content-length"), wanted.len().to_string(), "{}", head.head());
        assert!(body.len() <= wanted.len(), "{} bytes too many", body.len() - wanted.len());
        if let Some(at) = body.iter().zip(wanted).position(|(got, right)| got != right) {
            panic!("a wrong byte at {at} of {}\n{}", wanted.len(), head.head());
        }
        if body.len() == wanted.len() { Outcome::Exact } else { Outcome::Cut(body.len()) }
    }

    /// One of the three errors that storage can cause, or that the object is not there.
    #[track_caller]
    fn refusal(&self, answer: &Answer) -> Outcome {
        let (status, code) = (answer.status(), answer.code());
        match (status, code.as_str()) {
            (404, "not_found") | (502, "storage_error" | "storage_changed") | (504, "storage_timeout") => {}
            (503, "storage_unavailable") => {
                let seconds = answer.sure_header("retry-after").parse::<u32>();
                assert!(seconds.is_ok_and(|seconds| seconds > 0), "{}", answer.head());
            }
            _ => panic!("no error of storage: {answer:?}"),
        }
        answer.assert_error_shape(status);
        assert_eq!(answer.sure_header("content-length"), answer.body().len().to_string());
        self.assert_tells_nothing_of_storage(answer);
        Outcome::Refused(status, code)
    }

    /// G14: nothing of storage's own words, and nothing of where it is.
    #[track_caller]
    fn assert_tells_nothing_of_storage(&self, answer: &Answer) {
        let text = format!("{}{}", answer.head(), String::from_utf8_lossy(answer.body()));
        let (storage, endpoint) = (self.gateway.storage().url(), self.origin.url());
        let bucket = storage.trim_start_matches("s3://").split('/').next().expect("a bucket");
        let prefix = storage.rsplit('/').next().expect("a prefix");
        let host = endpoint.rsplit('/').next().expect("a host");
        for inner in [CANARY, "<", "http:", "s3:", "xml", "objects/", &format!("{bucket}/"), prefix, host] {
            assert!(!text.contains(inner), "{inner} is none of the client's business: {text}");
        }
    }
}

impl Outcome {
    #[track_caller]
    pub(crate) fn assert_exact(&self) {
        assert_eq!(*self, Self::Exact);
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str) {
        assert_eq!(*self, Self::Refused(status, code.to_owned()));
    }

    /// 502, whatever it calls it.
    #[track_caller]
    pub(crate) fn assert_bad_gateway(&self) {
        assert!(matches!(self, Self::Refused(502, _)), "{self:?}");
    }
}
