//! A CSV file (RFC 4180), record by record, however large: what is held in memory is one record of bounded length. A
//! record that cannot be read is told with its line, and the next one is read all the same.

use std::{io, mem};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of one record at most.
const MAX_RECORD: usize = 64 << 10;
/// Bytes read at once.
const PIECE: usize = 64 << 10;
/// Some programs write it before a text in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Its fields, and the line that it begins on, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) fields: Result<Vec<String>, Malformed>,
}

/// Why there are no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("a quote inside a field that does not begin with one")]
    StrayQuote,
    #[error("something stands between a field's closing quote and the comma")]
    BehindQuote,
    #[error("a quote is left open")]
    OpenQuote,
    #[error("more than 64 KiB: is a quote left open?")]
    TooLong,
    #[error("not UTF-8")]
    NotUtf8,
}

/// Records, as they are read.
#[derive(Debug)]
pub(super) struct Table<R> {
    input: R,
    piece: Vec<u8>,
    at: usize,
    splitter: Splitter,
    is_at_end: bool,
}

/// The records of the bytes that it is given one after the other.
#[derive(Debug, Default)]
struct Splitter {
    /// Of the byte to come, counted from 0.
    line: u64,
    begins_on: u64,
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    /// Bytes of the record so far.
    length: usize,
    place: Place,
    malformed: Option<Malformed>,
}

/// Where in a field the byte to come stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Plain,
    Quoted,
    /// Behind a quote that ends the field, or is the first of two.
    BehindQuote,
}

impl<R: AsyncRead + Unpin> Table<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, piece: Vec::new(), at: 0, splitter: Splitter::default(), is_at_end: false }
    }

    /// The next record that is no empty line; `None` behind the last.
    pub(super) async fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            while let Some(byte) = self.piece.get(self.at) {
                self.at += 1;
                if let Some(record) = self.splitter.take(*byte) {
                    return Ok(Some(record));
                }
            }
            if self.is_at_end {
                return Ok(self.splitter.end());
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        let is_first = self.piece.capacity() == 0;
        self.piece.clear();
        self.at = 0;
        self.piece.reserve(PIECE);
        // The first read may bring less than a mark is long.
        while self.piece.is_empty() || (is_first && self.piece.len() < MARK.len()) {
            if self.input.read_buf(&mut self.piece).await? == 0 {
                self.is_at_end = true;
                break;
            }
        }
        if is_first && self.piece.starts_with(MARK) {
            self.at = MARK.len();
        }
        Ok(())
    }
}

impl Splitter {
    /// The record that ends with this byte.
    fn take(&mut self, byte: u8) -> Option<Record> {
        let place = self.place;
        if byte == b'\n' {
            self.line += 1;
        }
        match (place, byte) {
            (Place::Quoted, b'"') => self.place = Place::BehindQuote,
            (Place::Quoted, _) => self.keep(byte),
            (Place::Start | Place::Plain | Place::BehindQuote, b'\n') => return self.end_record(),
            (Place::Start | Place::Plain | Place::BehindQuote, b',') => self.end_field(),
            (Place::Start, b'"') => self.place = Place::Quoted,
            (Place::Start | Place::Plain, _) => {
                if byte == b'"' {
                    self.refuse(Malformed::StrayQuote);
                }
                self.place = Place::Plain;
                self.keep(byte);
            }
            (Place::BehindQuote, b'"') => {
                self.place = Place::Quoted;
                self.keep(byte);
            }
            // Before a line feed; whatever else follows is refused then.
            (Place::BehindQuote, b'\r') => {}
            (Place::BehindQuote, _) => self.refuse(Malformed::BehindQuote),
        }
        None
    }

    /// The record that no line feed ends.
    fn end(&mut self) -> Option<Record> {
        if self.place == Place::Quoted {
            self.refuse(Malformed::OpenQuote);
        }
        let is_nothing = self.place == Place::Start && self.fields.is_empty() && self.malformed.is_none();
        if is_nothing { None } else { self.end_record() }
    }

    fn keep(&mut self, byte: u8) {
        self.length += 1;
        if self.length > MAX_RECORD {
            self.refuse(Malformed::TooLong);
            // Nobody will read them.
            (self.fields, self.field) = (Vec::new(), Vec::new());
        } else {
            self.field.push(byte);
        }
    }

    fn end_field(&mut self) {
        // A comma is a byte too.
        self.length += 1;
        if self.length > MAX_RECORD {
            self.refuse(Malformed::TooLong);
        } else {
            let field = mem::take(&mut self.field);
            self.fields.push(field);
        }
        self.place = Place::Start;
    }

    fn end_record(&mut self) -> Option<Record> {
        if self.place == Place::Plain && self.field.last() == Some(&b'\r') {
            self.field.pop();
        }
        let is_empty = self.fields.is_empty() && self.field.is_empty() && self.place != Place::BehindQuote;
        let field = mem::take(&mut self.field);
        self.fields.push(field);
        let fields = mem::take(&mut self.fields);
        let malformed = self.malformed.take();
        let line = mem::replace(&mut self.begins_on, self.line) + 1;
        (self.length, self.place) = (0, Place::Start);
        if is_empty && malformed.is_none() {
            return None;
        }
        Some(Record { line, fields: malformed.map_or_else(|| texts(fields), Err) })
    }

    /// The first reason is told.
    fn refuse(&mut self, why: Malformed) {
        self.malformed.get_or_insert(why);
    }
}

fn texts(fields: Vec<Vec<u8>>) -> Result<Vec<String>, Malformed> {
    fields.into_iter().map(|field| String::from_utf8(field).map_err(|_| Malformed::NotUtf8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };
    use tokio::io::ReadBuf;

    /// Bytes that come so many at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl AsyncRead for Pieces<'_> {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let (now, later) = self.0.split_at(self.0.len().min(self.1).min(into.remaining()));
            into.put_slice(now);
            self.0 = later;
            Poll::Ready(Ok(()))
        }
    }

    fn read(bytes: &[u8], piece: usize) -> Vec<(u64, Result<Vec<String>, Malformed>)> {
        let mut table = Table::new(Pieces(bytes, piece));
        let mut records = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            while let Some(record) = table.next().await.unwrap() {
                records.push((record.line, record.fields));
            }
        });
        records
    }

    fn fields(texts: &[&str]) -> Result<Vec<String>, Malformed> {
        Ok(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn records_are_read_as_spreadsheets_write_them() {
        let text = "\u{feff}\"path\",user_id\r\na,\"b \"\"c\"\", d\"\r\n\n\"e\nf\",\r\n,\"\"";
        let expected = [
            (1, fields(&["path", "user_id"])),
            (2, fields(&["a", "b \"c\", d"])),
            (4, fields(&["e\nf", ""])),
            (6, fields(&["", ""])),
        ];
        for piece in [1, 2, 3, 1000] {
            assert_eq!(read(text.as_bytes(), piece), expected, "{piece}");
        }
        assert_eq!(read(b"", 9), []);
        assert_eq!(read(b"\xef\xbb\xbf", 9), []);
        assert_eq!(read(b"\"\"\n", 9), [(1, fields(&[""]))]);
    }

    #[test]
    fn what_is_malformed_is_told_with_its_line_and_holds_up_no_other() {
        let text = b"a\"b,c\n\"a\"b,c\nd,\xff\n\"x\ny\"z\ngood,one\n\"open,\nfor ever\n";
        let expected = [
            (1, Err(Malformed::StrayQuote)),
            (2, Err(Malformed::BehindQuote)),
            (3, Err(Malformed::NotUtf8)),
            (4, Err(Malformed::BehindQuote)),
            (6, fields(&["good", "one"])),
            (7, Err(Malformed::OpenQuote)),
        ];
        assert_eq!(read(text, 7), expected);
    }

    #[test]
    fn a_record_is_bounded() {
        let mut text =
            [vec![b'a'; MAX_RECORD + 1], b"\nb\n\"".to_vec(), vec![b'c'; 9 * MAX_RECORD], b"\"\nd\n".to_vec()].concat();
        let too_long = Err(Malformed::TooLong);
        assert_eq!(
            read(&text, 1000),
            [(1, too_long.clone()), (2, fields(&["b"])), (3, too_long.clone()), (4, fields(&["d"]))]
        );
        text = [vec![b','; 3 * MAX_RECORD], b"\ne".to_vec()].concat();
        assert_eq!(read(&text, 1000), [(1, too_long), (2, fields(&["e"]))]);
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back_as_it_was(rows in prop::collection::vec(prop::collection::vec(".{0,9}|[\",\r\n]{1,4}", 2..4), 1..9)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let lines = rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(","));
            let text = lines.collect::<Vec<_>>().join("\r\n");
            let back: Vec<_> = read(text.as_bytes(), 5).into_iter().map(|(_, fields)| fields.unwrap()).collect();
            prop_assert_eq!(back, rows);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes, 7);
        }
    }
}
