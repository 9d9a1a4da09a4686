//! Which trace a request belongs to: W3C Trace Context level 1, read strictly. A header that breaks a rule is as if it
//! had not been sent, so whatever is kept can be written anywhere.

use std::fmt;

/// The field that names trace and parent (section 3.2).
pub const TRACEPARENT: &str = "traceparent";
/// The field in which every tracing system keeps something of its own (section 3.3).
pub const TRACESTATE: &str = "tracestate";

/// The version that is written, and its length (section 3.2.2).
const VERSION: u8 = 0;
const LENGTH: usize = 55;
/// Section 3.2.2.5: the only flag that there is.
const SAMPLED: u8 = 1;
/// Bytes of a `tracestate` that are kept (section 3.3.1.5).
const MOST_STATE: usize = 512;
/// Of one that is longer, members longer than this go first.
const LONG_MEMBER: usize = 128;
/// Section 3.3.1.1.
const MOST_MEMBERS: usize = 32;

/// A trace's id: not all zeros. Written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

/// The id of one span within a trace: not all zeros. Written as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub [u8; 8]);

/// Where in which trace a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The whole trace.
    pub trace: TraceId,
    /// The span that the request was sent in.
    pub span: SpanId,
    /// Whether whoever sent it records that span.
    pub is_sampled: bool,
    state: Option<Box<str>>,
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(&self.0, f)
    }
}

impl TraceContext {
    /// Of the values of a request's `traceparent` and `tracestate` lines, in their order. `None` unless there is exactly
    /// one of the first and it is right; a state that is wrong goes alone.
    pub fn read<'a>(
        parents: impl IntoIterator<Item = &'a [u8]>,
        states: impl IntoIterator<Item = &'a [u8]>,
    ) -> Option<Self> {
        let mut parents = parents.into_iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let (trace, span, is_sampled) = parent_of(parent)?;
        Some(Self { trace, span, is_sampled, state: state_of(states) })
    }

    /// The same trace, one span on.
    #[must_use]
    pub fn within(self, span: SpanId, is_sampled: bool) -> Self {
        Self { span, is_sampled, ..self }
    }

    /// A trace that begins here.
    #[must_use]
    pub fn begun(trace: TraceId, span: SpanId, is_sampled: bool) -> Self {
        Self { trace, span, is_sampled, state: None }
    }

    /// As the value of a `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        format!("{VERSION:02x}-{}-{}-{flags:02x}", self.trace, self.span)
    }

    /// As the value of a `tracestate`, if there is any.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

fn digits(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Section 3.2.2. Of a later version what this one knows is read, and what may follow it is not (section 3.2.4).
fn parent_of(value: &[u8]) -> Option<(TraceId, SpanId, bool)> {
    let (known, more) = value.split_at_checked(LENGTH)?;
    let [version, trace, span, flags] = fields(known)?;
    let [version] = bytes(version)?;
    let ends_well = match version {
        VERSION => more.is_empty(),
        0xff => false,
        _ => more.first().is_none_or(|next| *next == b'-'),
    };
    let (trace, span, [flags]) = (bytes(trace)?, bytes(span)?, bytes(flags)?);
    let is_named = trace.iter().any(|byte| *byte != 0) && span.iter().any(|byte| *byte != 0);
    (ends_well && is_named).then_some((TraceId(trace), SpanId(span), flags & SAMPLED != 0))
}

fn fields(value: &[u8]) -> Option<[&[u8]; 4]> {
    let mut fields = value.split(|byte| *byte == b'-');
    let four = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    fields.next().is_none().then_some(four)
}

/// Of exactly as many digits as are needed, in lower case.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let is_lower = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).ok().filter(|()| is_lower)?;
    Some(bytes)
}

/// Section 3.3.1. Lines are one list.
fn state_of<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Box<str>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in lines.into_iter().flat_map(|line| line.split(|byte| *byte == b',')) {
        // A member may be empty, and whitespace may stand around one.
        let member = std::str::from_utf8(member).ok()?.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let key = key_of(member)?;
        let is_repeated = members.iter().any(|(other, _)| *other == key);
        if is_repeated || members.len() == MOST_MEMBERS {
            return None;
        }
        members.push((key, member));
    }
    bounded(members.into_iter().map(|(_, member)| member).collect())
}

/// Section 3.3.1.5: a member is kept whole or not at all.
fn bounded(mut members: Vec<&str>) -> Option<Box<str>> {
    let length = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    if length(&members) > MOST_STATE {
        members.retain(|member| member.len() <= LONG_MEMBER);
    }
    while length(&members) > MOST_STATE {
        members.pop();
    }
    (!members.is_empty()).then(|| members.join(",").into())
}

/// The key of a member that is right.
fn key_of(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    (is_key(key) && is_value(value)).then_some(key)
}

/// Section 3.3.1.3.1.
fn is_key(key: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let is_part = |part: &str, most: usize, may_begin_with_digit: bool| {
        let begins = part
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || (may_begin_with_digit && first.is_ascii_digit()));
        begins && part.len() <= most && part.bytes().all(is_inner)
    };
    match key.split_once('@') {
        None => is_part(key, 256, false),
        Some((tenant, system)) => is_part(tenant, 241, true) && is_part(system, 14, false),
    }
}

/// Section 3.3.1.3.2: a space is no end of it.
fn is_value(value: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    matches!(value.len(), 1..=256) && value.bytes().all(is_inner) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(parents: &[&str], states: &[&str]) -> Option<TraceContext> {
        TraceContext::read(parents.iter().map(|value| value.as_bytes()), states.iter().map(|value| value.as_bytes()))
    }

    fn state(lines: &[&str]) -> Option<String> {
        read(&[PARENT], lines).unwrap().tracestate().map(str::to_owned)
    }

    #[test]
    fn what_was_read_is_written_as_it_came() {
        let context = read(&[PARENT], &["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]).unwrap();
        assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span.to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled);
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.tracestate(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    }

    #[test]
    fn one_span_on_it_is_the_same_trace_and_state() {
        let next = read(&[PARENT], &["a=1"]).unwrap().within(SpanId([7; 8]), false);
        assert_eq!(next.traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-00");
        assert_eq!(next.tracestate(), Some("a=1"));
    }

    #[test]
    fn flags_that_nobody_knows_are_not_passed_on() {
        for (flags, sampled) in [("00", "00"), ("01", "01"), ("03", "01"), ("ff", "01"), ("fe", "00")] {
            let given = format!("{}{flags}", &PARENT[..53]);
            assert_eq!(read(&[&given], &[]).unwrap().traceparent(), format!("{}{sampled}", &PARENT[..53]));
        }
    }

    #[test]
    fn of_a_later_version_what_is_known_is_read() {
        for more in ["", "-", "-what-the-future-will-be-like"] {
            let later = format!("cc{}{more}", &PARENT[2..]);
            assert_eq!(read(&[&later], &[]).map(|context| context.traceparent()).as_deref(), Some(PARENT), "{later}");
        }
    }

    #[test]
    fn a_malformed_parent_is_none() {
        let with = |at: usize, with: &str| format!("{}{with}{}", &PARENT[..at], &PARENT[at + with.len()..]);
        let malformed = [
            String::new(),
            "00".into(),
            PARENT[..54].into(),
            format!("{PARENT}-"),
            format!("{PARENT}-00"),
            format!("{PARENT}0"),
            format!(" {PARENT}"),
            format!("{PARENT} "),
            with(0, "ff"),
            with(0, "0x"),
            with(0, "0A"),
            with(2, "_"),
            with(3, "00000000000000000000000000000000"),
            with(3, "4BF92F3577B34DA6A3CE929D0E0E4736"),
            with(3, "4bf92f3577b34da6a3ce929d0e0e473"),
            with(10, "g"),
            with(10, "-"),
            with(35, "0"),
            with(36, "0000000000000000"),
            with(36, "00F067AA0BA902B7"),
            with(53, "0"),
            with(53, "-1"),
            with(53, "1."),
            format!("cc{}0", &PARENT[2..]),
            format!("cc{}.future", &PARENT[2..]),
            PARENT.replace('-', ":"),
            PARENT.replace("4b", "é"),
        ];
        for value in malformed.iter().filter(|value| *value != PARENT) {
            assert_eq!(read(&[value], &["a=1"]), None, "{value}");
        }
        assert_eq!(read(&[], &["a=1"]), None);
        assert_eq!(read(&[PARENT, PARENT], &[]), None, "which of two is meant nobody knows");
    }

    #[test]
    fn the_lines_of_a_state_are_one_list() {
        assert_eq!(state(&[]), None);
        assert_eq!(state(&["", " , "]), None);
        assert_eq!(state(&["a=1,,b=2 , c=3\t", "0t@sys=x", "d=!"]).as_deref(), Some("a=1,b=2,c=3,0t@sys=x,d=!"));
        for longest in [
            format!("{}=v", "k".repeat(256)),
            format!("k={}", "v".repeat(256)),
            format!("{}@{}={}", "t".repeat(241), "s".repeat(14), "v".repeat(255)),
        ] {
            assert_eq!(state(&[&longest]).as_deref(), Some(longest.as_str()));
        }
    }

    #[test]
    fn a_malformed_state_goes_alone() {
        let key = |length| format!("{}=1", "k".repeat(length));
        let malformed = [
            "a".into(),
            "=1".into(),
            "a=".into(),
            "A=1".into(),
            "1a=1".into(),
            "a b=1".into(),
            "a =1".into(),
            "a=1=2".into(),
            "a=1,a=2".into(),
            "a@=1".into(),
            "@b=1".into(),
            "a@b@c=1".into(),
            "a@1=1".into(),
            "a=é".into(),
            "a=\u{7f}".into(),
            "a=\0".into(),
            "a=1\r\nb=2".into(),
            key(257),
            format!("{}@a=1", "t".repeat(242)),
            format!("a@{}=1", "s".repeat(15)),
            format!("a={}", "v".repeat(257)),
            (0..33).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(","),
        ];
        for value in &malformed {
            assert_eq!(state(&[value]), None, "{value}");
        }
    }

    #[test]
    fn a_long_state_loses_whole_members() {
        let (long, short) = (format!("long={}", "v".repeat(200)), |n| format!("k{n}={}", "v".repeat(60)));
        let many = [short(1), long.clone(), short(2), short(3), short(4), long.replace("long", "other")].join(",");
        let kept = [short(1), short(2), short(3), short(4)].join(",");
        assert_eq!(state(&[&many]).as_deref(), Some(kept.as_str()));
        let many = (10..30).map(short).collect::<Vec<_>>().join(",");
        let kept = state(&[&many]).unwrap();
        assert!(many.starts_with(&kept) && kept.len() <= MOST_STATE && kept.len() + 66 > MOST_STATE, "{kept}");
    }

    fn anything() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{0,9})?".prop_map(String::into_bytes),
            "[a-z0-9@=, _*/-]{0,600}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_what_is_kept_is_right_and_stays_as_it_is(parent in anything(), states in prop::collection::vec(anything(), 0..4)) {
            let Some(context) = TraceContext::read([parent.as_slice()], states.iter().map(Vec::as_slice)) else { return Ok(()) };
            let (parent, state) = (context.traceparent(), context.tracestate().unwrap_or_default());
            prop_assert_eq!(parent.len(), LENGTH);
            prop_assert!(state.len() <= MOST_STATE && state.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let again = read(&[&parent], &[state]);
            prop_assert_eq!(Some(&context), again.as_ref());
        }

        #[test]
        fn one_wrong_byte_is_no_parent(at in 0..LENGTH, wrong in any::<u8>()) {
            let mut value = PARENT.as_bytes().to_vec();
            value[at] = wrong;
            let is_read = TraceContext::read([value.as_slice()], []).is_some();
            let is_digit = matches!(wrong, b'0'..=b'9' | b'a'..=b'f');
            let is_dash = PARENT.as_bytes()[at] == b'-';
            prop_assert_eq!(is_read, if is_dash { wrong == b'-' } else { is_digit });
        }
    }
}
