//! A `multipart/form-data` body as a sequence of parts (RFC 7578), read within bounds: what stands before a part's
//! content is bounded here, what a part may hold by whoever reads it.

use super::{
    digest::Expected,
    disposition::{self, Disposition},
    fields,
    parts::{Parts, lines, unreadable},
};
use crate::{
    body::{Paced, essence},
    error::Error,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use bytes::Bytes;
use mediatype::{MediaType, ReadParams, names};

const FORM_DATA: &str = "multipart/form-data";
/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;
/// Lines of one part's header.
const MAX_LINES: usize = 32;
/// The name of a file that came without one.
const UNNAMED: &str = "file";

/// The boundary that the request's `Content-Type` declares.
pub(super) fn boundary(headers: &HeaderMap) -> Result<String, Error> {
    if essence(headers).as_deref() != Some(FORM_DATA) {
        return Err(Error::MediaType { expected: FORM_DATA });
    }
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = MediaType::parse(declared.trim()).ok();
    let boundary =
        media_type.and_then(|media_type| Some(media_type.get_param(names::BOUNDARY)?.unquoted_str().into_owned()));
    let fits = |text: &String| (1..=MAX_BOUNDARY).contains(&text.len());
    boundary.filter(fits).ok_or(Error::invalid("Content-Type", "must give a boundary of 1 to 70 characters"))
}

/// A form being read.
pub(super) struct Form<'a>(Parts<'a>);

/// A part of a form. What is not read of it is skipped.
pub(super) enum Part<'a, 'body> {
    File(FilePart<'a, 'body>),
    Text(TextPart<'a, 'body>),
}

/// The part named `file`.
pub(super) struct FilePart<'a, 'body> {
    /// 1 to 1024 bytes; a label, whatever it looks like.
    pub(super) filename: String,
    /// As declared, if it was.
    pub(super) content_type: Option<String>,
    /// The checksums in its header.
    pub(super) expected: Expected,
    content: &'a mut Parts<'body>,
}

/// Any other part.
pub(super) struct TextPart<'a, 'body> {
    pub(super) name: String,
    content: &'a mut Parts<'body>,
}

/// What a part's header says. Its disposition is no header of HTTP: a file name may hold any character.
#[derive(Default)]
struct Head {
    disposition: Option<Disposition>,
    others: HeaderMap,
}

impl<'body> Form<'body> {
    /// Begins to read.
    pub(super) async fn open(body: &'body mut Paced, boundary: &str) -> Result<Self, Error> {
        Parts::open(body, boundary).await.map(Self)
    }

    /// The next part; `None` behind the closing boundary.
    pub(super) async fn next(&mut self) -> Result<Option<Part<'_, 'body>>, Error> {
        let Some(text) = self.0.head().await? else { return Ok(None) };
        let head = Head::read(&text).ok_or_else(unreadable)?;
        part(head, &mut self.0).map(Some)
    }
}

impl Head {
    fn read(text: &[u8]) -> Option<Self> {
        let mut head = Self::default();
        for (index, line) in lines(text).enumerate() {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let is_line = index < MAX_LINES && !line.iter().any(|byte| b"\r\n".contains(byte));
            let name = HeaderName::from_bytes(&line[..colon]).ok().filter(|_| is_line)?;
            let value = line[colon + 1..].trim_ascii();
            if name == header::CONTENT_DISPOSITION {
                let is_first = head.disposition.replace(disposition::parse(value)?).is_none();
                is_first.then_some(())?;
            } else {
                head.others.append(name, HeaderValue::from_bytes(value).ok()?);
            }
        }
        Some(head)
    }
}

fn part<'a, 'body>(head: Head, content: &'a mut Parts<'body>) -> Result<Part<'a, 'body>, Error> {
    let Disposition { name, filename } = head.disposition.ok_or_else(unreadable)?;
    if !fields::is_name(&name) {
        return Err(Error::invalid("part name", fields::NAME));
    }
    if name != "file" {
        return Ok(Part::Text(TextPart { name, content }));
    }
    let filename = filename.filter(|name| !name.is_empty()).unwrap_or_else(|| UNNAMED.into());
    let filename = super::name("filename", filename)?;
    let expected = Expected::read(&head.others)?;
    let declared = head.others.get(header::CONTENT_TYPE);
    let content_type = declared.map(|value| String::from_utf8_lossy(value.as_bytes()).into());
    Ok(Part::File(FilePart { filename, content_type, expected, content }))
}

impl FilePart<'_, '_> {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.content.content().await
    }
}

impl TextPart<'_, '_> {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.content.content().await
    }
}
