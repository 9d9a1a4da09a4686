//! `multipart/byteranges` (RFC 9110 section 14.6, RFC 2046 section 5.1), read by searching for the boundary as clients do.

use super::Answer;

/// One part, with its place in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) content_type: String,
    pub(crate) content_range: String,
    pub(crate) body: Vec<u8>,
}

/// The boundary of a multipart answer.
#[track_caller]
pub(crate) fn boundary(answer: &Answer) -> String {
    let content_type = answer.sure_header("content-type");
    let Some(boundary) = content_type.strip_prefix("multipart/byteranges; boundary=") else {
        panic!("not multipart/byteranges: {content_type}");
    };
    let boundary = boundary.trim_matches('"');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    assert!(matches!(boundary.len(), 1..=70) && boundary.bytes().all(allowed), "not a boundary: {boundary:?}");
    boundary.to_owned()
}

/// The parts, in their order.
#[track_caller]
pub(crate) fn parts(answer: &Answer) -> Vec<Part> {
    assert_eq!(answer.status(), 206, "{}", answer.head());
    assert_eq!(answer.header("content-range"), None, "a multipart answer as a whole has no range");
    let delimiter = format!("\r\n--{}", boundary(answer)).into_bytes();

    // A first line that is the boundary has no line break of its own before it.
    let body =
        if answer.body().starts_with(b"--") { [b"\r\n", answer.body()].concat() } else { answer.body().to_vec() };
    let mut pieces = split(&body, &delimiter).into_iter();
    assert_eq!(pieces.next(), Some(&b""[..]), "something before the first boundary");
    let mut pieces: Vec<_> = pieces.collect();
    let end = pieces.pop().expect("a closing boundary");
    assert!(matches!(end, b"--" | b"--\r\n"), "not a closing boundary: {:?}", String::from_utf8_lossy(end));
    pieces.into_iter().map(part).collect()
}

fn split<'a>(mut text: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = text.windows(delimiter.len()).position(|window| window == delimiter) {
        pieces.push(&text[..at]);
        text = &text[at + delimiter.len()..];
    }
    pieces.push(text);
    pieces
}

#[track_caller]
fn part(piece: &[u8]) -> Part {
    let end = piece.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line behind a part's headers");
    let head = std::str::from_utf8(&piece[..end]).expect("a part's headers are text");
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "", "something behind the boundary");
    let value = |name: &str| {
        let mut found = lines.iter().filter_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        found.next().unwrap_or_else(|| panic!("a part without {name}: {head:?}"))
    };
    assert_eq!(lines.len(), 2, "two headers a part: {head:?}");
    Part { content_type: value("content-type"), content_range: value("content-range"), body: piece[end + 4..].to_vec() }
}
