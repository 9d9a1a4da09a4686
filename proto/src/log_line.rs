//! Log lines: whatever a client, storage or a library puts into one, it is one line, without control characters, and
//! no longer than a bound.

use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

/// Bytes of a line at most, its end included. A pipe takes that many in one piece, so that lines of several processes
/// stay whole in it (pipe(7), `PIPE_BUF`).
pub const MAX_LINE: usize = 4096;
/// What stands at the end of a text that was longer.
const CUT: &str = "[cut]";
/// Bytes that each text of a JSON line may keep, tried in this order until the line fits.
const SHARES: [usize; 4] = [1024, 256, 64, 16];
/// What every line has, and is kept when there are too many fields, each with as many bytes as this.
const ESSENTIAL: [&str; 4] = ["timestamp", "level", "target", "message"];
const ESSENTIAL_SHARE: usize = 64;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

impl Format {
    /// As the setting `LOG_FORMAT` names it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// A line without its end, as it may stand in the log.
    #[must_use]
    pub fn tame(self, line: &str) -> Cow<'_, str> {
        let line = self.without_controls(line);
        let room = MAX_LINE - "\n".len();
        match self {
            _ if line.len() <= room => line,
            Self::Text => Cow::Owned(cut(&line, room)),
            Self::Json => Cow::Owned(self.shortened(&line, room)),
        }
    }

    /// Control characters, and what else breaks lines or turns them around, in escaped form. In JSON they stand within
    /// strings only, where this form means the same character.
    fn without_controls(self, line: &str) -> Cow<'_, str> {
        if line.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !line.chars().any(is_unruly) {
            return Cow::Borrowed(line);
        }
        let mut tame = String::with_capacity(line.len() + 16);
        for letter in line.chars() {
            // Writing to a `String` does not fail.
            let _ = match (self, is_unruly(letter)) {
                (_, false) => tame.write_char(letter),
                (Self::Text, true) => write!(tame, "{}", letter.escape_default()),
                (Self::Json, true) => write!(tame, "\\u{:04x}", u32::from(letter)),
            };
        }
        Cow::Owned(tame)
    }

    fn shortened(self, line: &str, room: usize) -> String {
        let fields: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
        let fitting = SHARES.iter().find_map(|share| {
            let fields = fields.iter().map(|(name, value)| (name.clone(), shorter(value, *share)));
            let line = Value::Object(fields.collect()).to_string();
            Some(self.without_controls(&line).into_owned()).filter(|line| line.len() <= room)
        });
        fitting.unwrap_or_else(|| {
            let kept = |name: &&str| Some(((*name).to_owned(), shorter(fields.get(*name)?, ESSENTIAL_SHARE)));
            let kept = ESSENTIAL.iter().filter_map(kept);
            self.without_controls(&Value::Object(kept.collect()).to_string()).into_owned()
        })
    }
}

/// Every byte that breaks or paints a line, and Unicode's own line ends, changes of direction and letters without width.
fn is_unruly(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shorter(value: &Value, share: usize) -> Value {
    match value {
        Value::String(text) if text.len() > share => cut(text, share).into(),
        Value::Array(_) | Value::Object(_) if value.to_string().len() > share => cut(&value.to_string(), share).into(),
        _ => value.clone(),
    }
}

/// As much of a text as there is room for; that it was cut is told.
fn cut(text: &str, room: usize) -> String {
    let end = text.floor_char_boundary(room.saturating_sub(CUT.len()));
    format!("{}{CUT}", &text[..end])
}

/// Writes lines to what it is given, each in one piece.
#[derive(Debug)]
pub struct Lines<W> {
    to: W,
    format: Format,
}

impl<W: Write> Lines<W> {
    /// Each call of `write` must be given one whole line, as a subscriber of `tracing` does.
    pub fn new(to: W, format: Format) -> Self {
        Self { to, format }
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut tame = self.format.tame(text.strip_suffix('\n').unwrap_or(&text)).into_owned();
        tame.push('\n');
        self.to.write_all(tame.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(format: Format, line: &str) -> String {
        let mut log = Vec::new();
        Lines::new(&mut log, format).write_all(format!("{line}\n").as_bytes()).unwrap();
        String::from_utf8(log).unwrap()
    }

    #[test]
    fn an_ordinary_line_stays_as_it_is() {
        assert_eq!(written(Format::Text, "INFO listening é"), "INFO listening é\n");
        assert_eq!(written(Format::Json, r#"{"a":"é\n"}"#), "{\"a\":\"é\\n\"}\n");
    }

    #[test]
    fn what_breaks_or_paints_a_line_is_escaped() {
        assert_eq!(
            written(Format::Text, "a\r\nb\t\u{1b}[31m\u{9b}\u{202e}"),
            "a\\r\\nb\\t\\u{1b}[31m\\u{9b}\\u{202e}\n"
        );
        assert_eq!(written(Format::Text, "a\u{200b}\u{200f}b"), "a\\u{200b}\\u{200f}b\n");
        let line = written(Format::Json, "{\"a\":\"\u{7f}\u{9b}\u{2028}\"}");
        assert_eq!(line, "{\"a\":\"\\u007f\\u009b\\u2028\"}\n");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["a"], "\u{7f}\u{9b}\u{2028}");
    }

    #[test]
    fn a_long_line_keeps_its_beginning() {
        let line = written(Format::Text, &format!("INFO {}", "é".repeat(MAX_LINE)));
        assert!(line.starts_with("INFO é") && line.ends_with("é[cut]\n") && line.len() <= MAX_LINE);
    }

    #[test]
    fn a_long_line_of_json_keeps_every_field() {
        let line = format!(r#"{{"level":"INFO","cause":"{}","ms":5,"in":{{"a":1}}}}"#, "\\u001b".repeat(MAX_LINE));
        let line: Value = serde_json::from_str(&written(Format::Json, &line)).unwrap();
        assert_eq!(
            (&line["level"], &line["ms"], &line["in"]),
            (&"INFO".into(), &5.into(), &serde_json::json!({ "a": 1 }))
        );
        assert!(line["cause"].as_str().unwrap().ends_with("\u{1b}[cut]"));
    }

    #[test]
    fn a_line_with_too_many_fields_keeps_the_essential_ones() {
        let mut fields: Map<String, Value> = (0..1000).map(|n| (format!("field_{n}"), n.into())).collect();
        fields.insert("level".into(), "INFO".into());
        let line = written(Format::Json, &Value::Object(fields).to_string());
        assert_eq!(line, "{\"level\":\"INFO\"}\n");
    }

    proptest! {
        #[test]
        fn any_text_is_one_bounded_line(texts in prop::collection::vec("\\PC{0,40}|[\\x00-\\x1f\\x7f-\u{9f}\u{2028}]{0,900}|.{0,900}", 1..8)) {
            let fields: Map<_, _> = texts.iter().enumerate().map(|(n, text)| (n.to_string(), text.clone().into())).collect();
            for (format, line) in [(Format::Json, Value::Object(fields).to_string()), (Format::Text, texts.concat())] {
                let written = written(format, &line);
                let line = written.strip_suffix('\n').unwrap();
                prop_assert!(written.len() <= MAX_LINE);
                prop_assert!(!line.chars().any(is_unruly));
                prop_assert!(format == Format::Text || serde_json::from_str::<Map<String, Value>>(line).is_ok());
            }
        }
    }
}
