//! A `multipart/form-data` body as a sequence of parts (RFC 7578), read within bounds: what stands before a part's
//! content is bounded here, what a part may hold by whoever reads it.

use super::{
    digest::Expected,
    disposition::{self, Disposition},
    fields,
};
use crate::{
    body::{Paced, essence},
    error::Error,
};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::{Stream, stream};
use multer::{Field, Multipart};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

const FORM_DATA: &str = "multipart/form-data";
/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;
/// Bytes of one part's header, and some of what follows it in the same piece.
const MAX_HEAD: usize = 32 << 10;
/// The name of a file that came without one.
const UNNAMED: &str = "file";

/// The boundary that the request's `Content-Type` declares.
pub(super) fn boundary(headers: &HeaderMap) -> Result<String, Error> {
    if essence(headers).as_deref() != Some(FORM_DATA) {
        return Err(Error::MediaType { expected: FORM_DATA });
    }
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(declared).ok();
    let fits = |text: &String| (1..=MAX_BOUNDARY).contains(&text.len());
    boundary.filter(fits).ok_or(Error::invalid("Content-Type", "must give a boundary of 1 to 70 characters"))
}

/// A form being read.
pub(super) struct Form<'a> {
    parts: Multipart<'a>,
    gauge: Arc<Gauge>,
}

/// A part of a form. It must be read to its end before the next one.
pub(super) enum Part<'a> {
    File(FilePart<'a>),
    Text(TextPart<'a>),
}

/// The part named `file`.
pub(super) struct FilePart<'a> {
    /// 1 to 1024 bytes; a label, whatever it looks like.
    pub(super) filename: String,
    /// As declared, if it was.
    pub(super) content_type: Option<String>,
    /// The checksums in its header.
    pub(super) expected: Expected,
    content: Field<'a>,
}

/// Any other part.
pub(super) struct TextPart<'a> {
    pub(super) name: String,
    content: Field<'a>,
}

impl<'a> Form<'a> {
    /// Begins to read. The body must begin with the boundary: a preamble is where two readers see two forms.
    pub(super) async fn open(body: &'a mut Paced, boundary: &str) -> Result<Self, Error> {
        let first = format!("--{boundary}");
        let mut begun = Vec::new();
        while begun.len() < first.len() {
            begun.extend_from_slice(&body.next().await?.ok_or_else(unreadable)?);
        }
        if !begun.starts_with(first.as_bytes()) {
            return Err(unreadable());
        }
        let gauge = Arc::new(Gauge::default());
        let pieces = stream::unfold((Some(begun), body), |(begun, body)| async move {
            let piece = match begun {
                Some(begun) => Ok(begun.into()),
                None => body.next().await.transpose()?,
            };
            Some((piece, (None, body)))
        });
        let gated = Gated { pieces: Box::pin(pieces), gauge: Arc::clone(&gauge), pausing: false };
        Ok(Self { parts: Multipart::new(gated, boundary), gauge })
    }

    /// The next part; `None` behind the closing boundary.
    pub(super) async fn next(&mut self) -> Result<Option<Part<'a>>, Error> {
        self.gauge.begin_head();
        let field = self.parts.next_field().await.map_err(error)?;
        self.gauge.end_head();
        field.map(part).transpose()
    }
}

fn part(content: Field<'_>) -> Result<Part<'_>, Error> {
    let headers = content.headers();
    let disposition = headers.get(header::CONTENT_DISPOSITION);
    let Disposition { name, filename } =
        disposition.and_then(|value| disposition::parse(value.as_bytes())).ok_or_else(unreadable)?;
    if !fields::is_name(&name) {
        return Err(Error::invalid("part name", fields::NAME));
    }
    if name != "file" {
        return Ok(Part::Text(TextPart { name, content }));
    }
    let filename = filename.filter(|name| !name.is_empty()).unwrap_or_else(|| UNNAMED.into());
    let filename = super::name("filename", filename)?;
    let expected = Expected::read(headers)?;
    let declared = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into());
    Ok(Part::File(FilePart { filename, content_type: declared, expected, content }))
}

impl FilePart<'_> {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.content.chunk().await.map_err(error)
    }
}

impl TextPart<'_> {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.content.chunk().await.map_err(error)
    }
}

fn unreadable() -> Error {
    Error::invalid("body", "must be a complete multipart/form-data body")
}

/// Our own errors travel through the parser and come out as they went in.
fn error(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => cause.downcast().map_or_else(|_| unreadable(), |cause| *cause),
        _ => unreadable(),
    }
}

/// How much was read while looking for the end of a part's header.
#[derive(Debug, Default)]
struct Gauge {
    in_head: AtomicBool,
    read: AtomicUsize,
}

impl Gauge {
    fn begin_head(&self) {
        self.read.store(0, Ordering::Relaxed);
        self.in_head.store(true, Ordering::Relaxed);
    }

    fn end_head(&self) {
        self.in_head.store(false, Ordering::Relaxed);
    }

    /// Refuses to read more of a header that has had its share.
    fn admit(&self) -> Result<(), Error> {
        let full = self.in_head.load(Ordering::Relaxed) && self.read.load(Ordering::Relaxed) > MAX_HEAD;
        if full { Err(Error::TooLarge { limit: MAX_HEAD as u64 }) } else { Ok(()) }
    }

    fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The body as the parser sees it. The parser takes all it can get before it looks, so it gets one piece at a time:
/// behind each the stream is pending once.
struct Gated<'a> {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send + 'a>>,
    gauge: Arc<Gauge>,
    pausing: bool,
}

impl Stream for Gated<'_> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pausing) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Err(error) = self.gauge.admit() {
            return Poll::Ready(Some(Err(error)));
        }
        let piece = ready!(self.pieces.as_mut().poll_next(cx));
        if let Some(Ok(piece)) = &piece {
            self.gauge.count(piece.len());
            self.pausing = true;
        }
        Poll::Ready(piece)
    }
}
