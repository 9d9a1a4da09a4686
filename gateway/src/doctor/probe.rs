//! What is asked, each question as a player or a downloader puts it. Pure: a question follows from what is known.

use http::{HeaderName, Method, header};
use std::ops::Range;

/// Bytes of an ordinary part.
pub(super) const PART: u64 = 16 * 1024;
/// More than any file has behind its end.
const FAR: u64 = 1_000_000;
/// An ETag that no file has.
const OTHER_ETAG: &str = "\"another-version-of-the-file\"";

/// What is known of the file, from the first answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) size: u64,
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Probe {
    /// `bytes=0-1`: how Safari begins.
    FirstTwo,
    /// No `Range` at all.
    Whole,
    Head,
    /// `bytes=0-`: how Chrome and ffmpeg begin.
    Open,
    /// First and last byte named.
    Span,
    /// From a place to the end: the index of an MP4.
    Tail,
    Suffix,
    /// A suffix longer than the file.
    LongSuffix,
    /// An end behind the end.
    PastEnd,
    /// A start behind the end.
    Beyond,
    Several,
    /// The last byte before the first.
    Reversed,
    OtherUnit,
    IfRange,
    IfRangeOther,
    IfRangeWeak,
    IfRangeDate,
    IfNoneMatch,
    /// With a range beside it.
    IfNoneMatchPart,
    IfModifiedSince,
    IfMatchOther,
    Preflight,
    /// From a page of another origin.
    Foreign,
    /// The same, refused.
    ForeignBeyond,
    /// By a client that takes compressed answers.
    Compressed,
}

/// The questions whose answers give the [`Facts`].
pub(super) const FIRST: [Probe; 3] = [Probe::FirstTwo, Probe::Whole, Probe::Head];

/// The others, in the order in which they are put.
pub(super) const REST: [Probe; 22] = [
    Probe::Open,
    Probe::Span,
    Probe::Tail,
    Probe::Suffix,
    Probe::LongSuffix,
    Probe::PastEnd,
    Probe::Beyond,
    Probe::Several,
    Probe::Reversed,
    Probe::OtherUnit,
    Probe::IfRange,
    Probe::IfRangeOther,
    Probe::IfRangeWeak,
    Probe::IfRangeDate,
    Probe::IfNoneMatch,
    Probe::IfNoneMatchPart,
    Probe::IfModifiedSince,
    Probe::IfMatchOther,
    Probe::Preflight,
    Probe::Foreign,
    Probe::ForeignBeyond,
    Probe::Compressed,
];

/// A request but for its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) fields: Vec<(HeaderName, String)>,
}

impl Ask {
    pub(super) fn new(method: Method) -> Self {
        Self { method, fields: Vec::new() }
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub(super) fn range(self, value: impl Into<String>) -> Self {
        self.with(header::RANGE, value)
    }

    /// These bytes and no others.
    pub(super) fn part(part: &Range<u64>) -> Self {
        Self::new(Method::GET).range(format!("bytes={}-{}", part.start, part.end.saturating_sub(1)))
    }
}

/// Whether an ETag is in quotes, and has nothing before them.
pub(super) fn is_strong(etag: &str) -> bool {
    let inside = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.is_some_and(|inside| !inside.contains('"'))
}

impl Facts {
    /// Weak or strong, as RFC 9110 section 8.8.3 writes it.
    fn etag(&self) -> Result<&str, &'static str> {
        let is_quoted = |etag: &&str| is_strong(etag.strip_prefix("W/").unwrap_or(etag));
        self.etag.as_deref().filter(is_quoted).ok_or("the server gives no usable ETag")
    }

    fn strong_etag(&self) -> Result<&str, &'static str> {
        self.etag.as_deref().filter(|etag| is_strong(etag)).ok_or("the server gives no strong ETag")
    }

    fn modified(&self) -> Result<&str, &'static str> {
        self.modified.as_deref().ok_or("the server gives no Last-Modified")
    }
}

impl Probe {
    /// Puts the question, or says why it cannot be put to this file.
    pub(super) fn ask(self, facts: &Facts, origin: &str) -> Result<Ask, &'static str> {
        if let Some(range) = self.range(facts.size)? {
            let ask = Ask::new(Method::GET).range(range);
            return match self {
                Self::Foreign | Self::ForeignBeyond => Ok(ask.with(header::ORIGIN, origin)),
                Self::Compressed => Ok(ask.with(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd")),
                _ => self.condition(facts, ask),
            };
        }
        match self {
            Self::Head => Ok(Ask::new(Method::HEAD)),
            Self::Preflight => Ok(preflight(origin)),
            _ => self.condition(facts, Ask::new(Method::GET)),
        }
    }

    /// The `Range` of the question, of a file of `size` bytes.
    fn range(self, size: u64) -> Result<Option<String>, &'static str> {
        let from = |first: u64| format!("bytes={first}-");
        let range = match self {
            Self::Whole | Self::Head | Self::Preflight => return Ok(None),
            Self::IfNoneMatch | Self::IfModifiedSince | Self::IfMatchOther => return Ok(None),
            // Asked before the size is known.
            Self::FirstTwo => "bytes=0-1".to_owned(),
            _ if size == 0 => return Err("the file is empty: nothing can be cut from it"),
            Self::Several if size < 200 => return Err("the file is too small for two ranges"),
            Self::Open => from(0),
            Self::Span => format!("bytes=0-{}", size - 1),
            Self::Tail => from(size.saturating_sub(PART)),
            Self::Suffix => format!("bytes=-{}", size.min(1000)),
            Self::LongSuffix => format!("bytes=-{}", size.saturating_add(FAR)),
            Self::PastEnd => format!("{}{}", from(size.saturating_sub(10)), size.saturating_add(FAR)),
            Self::Beyond | Self::ForeignBeyond => from(size),
            Self::Several => "bytes=0-9,100-109".to_owned(),
            Self::Reversed => "bytes=5-4".to_owned(),
            Self::OtherUnit => "items=0-1".to_owned(),
            _ => "bytes=0-1".to_owned(),
        };
        Ok(Some(range))
    }

    fn condition(self, facts: &Facts, ask: Ask) -> Result<Ask, &'static str> {
        Ok(match self {
            Self::IfRange => ask.with(header::IF_RANGE, facts.strong_etag()?),
            Self::IfRangeOther => ask.with(header::IF_RANGE, OTHER_ETAG),
            Self::IfRangeWeak => ask.with(header::IF_RANGE, format!("W/{}", facts.etag()?.trim_start_matches("W/"))),
            Self::IfRangeDate => ask.with(header::IF_RANGE, facts.modified()?),
            Self::IfNoneMatch | Self::IfNoneMatchPart => ask.with(header::IF_NONE_MATCH, facts.etag()?),
            Self::IfModifiedSince => ask.with(header::IF_MODIFIED_SINCE, facts.modified()?),
            Self::IfMatchOther => ask.with(header::IF_MATCH, OTHER_ETAG),
            _ => ask,
        })
    }
}

/// As Chrome asks before a script's `fetch` with these headers.
fn preflight(origin: &str) -> Ask {
    Ask::new(Method::OPTIONS)
        .with(header::ORIGIN, origin)
        .with(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
        .with(header::ACCESS_CONTROL_REQUEST_HEADERS, "if-range,range")
}

/// Where a viewer seeks to, as shares of the film in thousandths: forth, back, the same place again, the end.
const SEEKS: [u64; 24] =
    [0, 1000, 500, 510, 505, 250, 750, 740, 745, 100, 900, 333, 334, 333, 666, 660, 50, 950, 940, 999, 1, 0, 420, 421];

/// The parts that a player reads while a viewer seeks. Neighbours overlap, so that their bytes can be compared.
pub(super) fn seeks(size: u64) -> Vec<Range<u64>> {
    let part = |share: u64| {
        let room = u128::from(size.saturating_sub(PART));
        let start = u64::try_from(room * u128::from(share) / 1000).unwrap_or_default();
        start..size.min(start.saturating_add(PART))
    };
    if size == 0 { Vec::new() } else { SEEKS.iter().map(|share| part(*share)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_put_once() {
        let mut all: Vec<_> = FIRST.iter().chain(&REST).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), FIRST.len() + REST.len());
        assert_eq!(all.last(), Some(&&Probe::Compressed));
    }

    #[test]
    fn a_file_of_any_size_can_be_asked_for() {
        for size in [0, 1, 2, 10, 199, 200, PART, 1 << 40, u64::MAX] {
            let facts = Facts { size, etag: Some("\"e\"".into()), modified: Some("today".into()) };
            let asked = REST.iter().filter(|probe| probe.ask(&facts, "https://a").is_ok()).count();
            assert!(asked == REST.len() || size < 200, "{size}");
            assert!(seeks(size).iter().all(|part| part.start < part.end && part.end <= size), "{size}");
        }
    }

    #[test]
    fn without_validators_their_questions_are_not_put() {
        let facts = Facts { size: 1000, etag: None, modified: None };
        let unasked: Vec<_> = REST.iter().filter(|probe| probe.ask(&facts, "https://a").is_err()).collect();
        use Probe::{IfModifiedSince, IfNoneMatch, IfNoneMatchPart, IfRange, IfRangeDate, IfRangeWeak};
        assert_eq!(unasked, [&IfRange, &IfRangeWeak, &IfRangeDate, &IfNoneMatch, &IfNoneMatchPart, &IfModifiedSince]);
    }
}
