//! A `multipart/form-data` body cut at its boundary (RFC 2046 section 5.1.1): the header of a part, then its content in pieces
//! as they arrive, nothing copied that does not lie across two of them. A header is kept as bytes, for file names may hold
//! what no header of HTTP may.

use crate::{body::Paced, error::Error};
use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::{Finder, find};

/// Bytes of one part's header.
const MAX_HEAD: usize = 32 << 10;
const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A body being cut.
pub(super) struct Parts<'a> {
    body: &'a mut Paced,
    /// What ends a part's content: a line end, two hyphens, the boundary.
    delimiter: Finder<'static>,
    /// What was read and not given out.
    held: Bytes,
    in_content: bool,
}

impl<'a> Parts<'a> {
    /// The body must begin with the boundary: a preamble is where two readers see two forms.
    pub(super) async fn open(body: &'a mut Paced, boundary: &str) -> Result<Self, Error> {
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        let mut parts = Self { body, delimiter, held: Bytes::new(), in_content: false };
        let first = parts.delimiter.needle()[LINE_END.len()..].to_vec();
        parts.hold(first.len()).await?;
        if !parts.held.starts_with(&first) {
            return Err(unreadable());
        }
        parts.held.advance(first.len());
        Ok(parts)
    }

    /// The lines of the next part's header; `None` behind the closing boundary.
    pub(super) async fn head(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while self.content().await?.is_some() {}
        self.hold(2).await?;
        if self.held.starts_with(b"--") {
            return Ok(None);
        }
        let mut head = Vec::new();
        let end = loop {
            let from = head.len().saturating_sub(HEAD_END.len() - 1);
            head.extend_from_slice(&self.held);
            let found = find(&head[from..], HEAD_END).map(|at| from + at);
            if found.unwrap_or(head.len()) > MAX_HEAD {
                return Err(Error::TooLarge { limit: MAX_HEAD as u64 });
            }
            if let Some(end) = found {
                break end;
            }
            self.held = self.more().await?;
        };
        // All that was held is in it now, at its end.
        self.held.advance(self.held.len() - (head.len() - end - HEAD_END.len()));
        head.truncate(end);
        self.in_content = true;
        // Blanks may follow a boundary on its line.
        let line = find(&head, LINE_END).unwrap_or(head.len());
        if !head[..line].iter().all(|byte| b" \t".contains(byte)) {
            return Err(unreadable());
        }
        Ok(Some(head.split_off(head.len().min(line + LINE_END.len()))))
    }

    /// The next piece of the part's content, never an empty one; `None` at its end.
    pub(super) async fn content(&mut self) -> Result<Option<Bytes>, Error> {
        while self.in_content {
            let (length, ends) = match self.delimiter.find(&self.held) {
                Some(at) => (at, true),
                None => (self.held.len() - begun(&self.held, self.delimiter.needle()), false),
            };
            let piece = self.held.split_to(length);
            if ends {
                self.held.advance(self.delimiter.needle().len());
                self.in_content = false;
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
            if !ends {
                self.hold(self.held.len() + 1).await?;
            }
        }
        Ok(None)
    }

    /// Reads until this many bytes are held.
    async fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        while self.held.len() < bytes {
            let more = self.more().await?;
            self.held = if self.held.is_empty() {
                more
            } else {
                let mut joined = BytesMut::with_capacity(self.held.len() + more.len());
                joined.extend_from_slice(&self.held);
                joined.extend_from_slice(&more);
                joined.freeze()
            };
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<Bytes, Error> {
        self.body.next().await?.ok_or_else(unreadable)
    }
}

/// The lines of a text, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = find(text, LINE_END);
        rest = end.map(|end| &text[end + LINE_END.len()..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// How many bytes at the end of `held` may be the delimiter's first.
fn begun(held: &[u8], delimiter: &[u8]) -> usize {
    let longest = held.len().min(delimiter.len() - 1);
    (1..=longest).rev().find(|length| held.ends_with(&delimiter[..*length])).unwrap_or_default()
}

/// A body that is no form, or not all of one.
pub(super) fn unreadable() -> Error {
    Error::invalid("body", "must be a complete multipart/form-data body")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures_util::stream;
    use proptest::prelude::*;
    use std::{io, time::Duration};

    /// Head and content.
    type Part = (Vec<u8>, Vec<u8>);

    /// The parts of a body that arrives in pieces of these sizes, over and over.
    fn cut(body: &[u8], sizes: &[usize]) -> Result<Vec<Part>, Error> {
        let (mut rest, mut sizes, mut pieces) = (body, sizes.iter().cycle(), Vec::new());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            pieces.push(Ok::<_, io::Error>(Bytes::copy_from_slice(piece)));
            rest = later;
        }
        let body = Body::from_stream(stream::iter(pieces));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut body = Paced::new(body, Duration::from_secs(60));
            let (mut parts, mut all) = (Parts::open(&mut body, "b").await?, Vec::new());
            while let Some(head) = parts.head().await? {
                let mut content = Vec::new();
                while let Some(piece) = parts.content().await? {
                    assert!(!piece.is_empty());
                    content.extend_from_slice(&piece);
                }
                all.push((head, content));
            }
            Ok(all)
        })
    }

    fn written(parts: &[Part]) -> Vec<u8> {
        let part = |(head, content): &Part| [b"--b\r\n", &**head, HEAD_END, content, LINE_END].concat();
        [parts.iter().flat_map(part).collect(), b"--b--\r\n".to_vec()].concat()
    }

    fn part(head: &[u8], content: &[u8]) -> Part {
        (head.to_vec(), content.to_vec())
    }

    #[test]
    fn parts_are_cut_wherever_the_pieces_are() {
        let parts = [
            part(b"A: 1\r\nB: 2", b"hello"),
            part(b"A: 1", b""),
            part(b"A: 1", b"\r\n"),
            part(b"A: 1", b"\r\n--\r\n--c\r\n-\r\r\n--"),
            part(b"A: 1", b"--b"),
        ];
        let body = written(&parts);
        for size in 1..body.len() {
            assert_eq!(cut(&body, &[size]).unwrap(), parts, "{size}");
        }
    }

    #[test]
    fn what_the_standard_allows_around_boundaries_is_read() {
        for body in
            [b"--b \t\r\nA: 1\r\n\r\nx\r\n--b--".as_slice(), b"--b\r\nA: 1\r\n\r\nx\r\n--b--\r\nan epilogue\r\n--b\r\n"]
        {
            assert_eq!(cut(body, &[7]).unwrap(), [part(b"A: 1", b"x")]);
        }
        assert_eq!(cut(b"--b\r\n\r\nx\r\n--b--", &[7]).unwrap(), [part(b"", b"x")]);
        assert_eq!(cut(b"--b--", &[1]).unwrap(), []);
    }

    #[test]
    fn what_is_cut_off_or_not_begun_is_refused() {
        let whole = written(&[part(b"A: 1", b"hello"), part(b"B: 2", b"there")]);
        for end in 0..whole.len() - LINE_END.len() {
            assert!(cut(&whole[..end], &[5]).is_err(), "{end}");
        }
        for body in
            [b"x--b\r\nA: 1\r\n\r\nx\r\n--b--".as_slice(), b"\r\n--b--", b"--bx\r\nA: 1\r\n\r\nx\r\n--b--", b"--c--"]
        {
            assert!(cut(body, &[5]).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_head_is_bounded() {
        let head = |bytes| cut(&written(&[(vec![b'x'; bytes], Vec::new())]), &[1000]);
        assert!(head(MAX_HEAD - 100).is_ok());
        for bytes in [MAX_HEAD, 10 * MAX_HEAD] {
            assert!(matches!(head(bytes), Err(Error::TooLarge { .. })), "{bytes}");
        }
    }

    proptest! {
        #[test]
        fn any_contents_come_out_as_they_went_in(
            contents in prop::collection::vec(prop::collection::vec(prop::sample::select(b"\r\n-b x".as_slice()), 0..60), 0..5),
            sizes in prop::collection::vec(1..40_usize, 1..5),
        ) {
            let is_content = |content: &Vec<u8>| find(&[LINE_END, content, LINE_END].concat(), b"\r\n--b").is_none();
            let parts: Vec<_> = contents.into_iter().filter(is_content).map(|content| (b"A: 1".to_vec(), content)).collect();
            prop_assert_eq!(cut(&written(&parts), &sizes).unwrap(), parts);
        }

        #[test]
        fn any_bytes_are_cut_or_refused(
            body in prop::collection::vec(prop::sample::select(b"\r\n-b :".as_slice()), 0..200),
            sizes in prop::collection::vec(1..40_usize, 1..5),
        ) {
            let body = [b"--b", &*body].concat();
            let at_once = cut(&body, &[body.len()]).ok();
            prop_assert_eq!(cut(&body, &sizes).ok(), at_once);
        }
    }
}
