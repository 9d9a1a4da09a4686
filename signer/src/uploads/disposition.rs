//! A part's `Content-Disposition`, RFC 7578 section 4.2, as browsers write it: UTF-8, with `%22`, `%0D` and `%0A`
//! for the three characters that cannot stand in the quotes (WHATWG HTML, multipart/form-data encoding). What cannot
//! be read like that was written by another client: then a backslash escapes a quote, and before anything else it
//! stands for itself.

/// What a part is called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) name: String,
    pub(super) filename: Option<String>,
}

/// What a backslash in quotes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Itself,
    Escape,
}

/// Reads the header's value. `None` if it is no `form-data` with a name, or says something twice.
pub(super) fn parse(value: &[u8]) -> Option<Disposition> {
    let text = std::str::from_utf8(value).ok()?;
    read(text, Backslash::Itself).or_else(|| read(text, Backslash::Escape))
}

fn read(text: &str, backslash: Backslash) -> Option<Disposition> {
    let (kind, mut rest) = text.split_once(';').unwrap_or((text, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut filename) = (None, None);
    while !rest.trim().is_empty() {
        let (key, value, after) = parameter(rest, backslash)?;
        rest = after;
        let place = match key.to_ascii_lowercase().as_str() {
            "name" => &mut name,
            "filename" => &mut filename,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some(Disposition { name: name?, filename })
}

/// One `key=value` and what follows its semicolon.
fn parameter(text: &str, backslash: Backslash) -> Option<(&str, String, &str)> {
    let (key, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let (value, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted_text(quoted, backslash)?,
        None => {
            let end = rest.find(';').unwrap_or(rest.len());
            let word = rest[..end].trim();
            (!word.contains('"')).then_some((word.to_owned(), &rest[end..]))?
        }
    };
    let after = after.trim_start();
    let after = if after.is_empty() { after } else { after.strip_prefix(';')? };
    Some((key.trim(), unescape(&value), after))
}

/// Up to the closing quote.
fn quoted_text(text: &str, backslash: Backslash) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if backslash == Backslash::Escape && characters.next_if(|(_, next)| *next == '"').is_some() => {
                value.push('"');
            }
            other => value.push(other),
        }
    }
    None
}

/// Only these three: any other percent sign is a percent sign.
fn unescape(text: &str) -> String {
    ["%22", "%0D", "%0d", "%0A", "%0a"]
        .iter()
        .zip(["\"", "\r", "\r", "\n", "\n"])
        .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(value: &str) -> Option<String> {
        let Disposition { name, filename } = parse(value.as_bytes())?;
        assert_eq!(name, "file", "{value}");
        filename
    }

    #[test]
    fn file_names_are_kept_as_they_were_given() {
        for (value, name) in [
            (r#"form-data; name="file"; filename="a.mp4""#, "a.mp4"),
            (r#"Form-Data;filename=a.mp4;name=file"#, "a.mp4"),
            (r#"form-data; name="file"; filename="a%22b%0D%0Ac.mp4""#, "a\"b\r\nc.mp4"),
            (r#"form-data; name="file"; filename="a\"b; name=x.mp4""#, "a\"b; name=x.mp4"),
            (r#"form-data; name="file"; filename="a\"; name=x.mp4""#, "a\"; name=x.mp4"),
            (r#"form-data; name="file"; filename="a\"; size=x.mp4""#, "a\"; size=x.mp4"),
            (r#"form-data; name="file"; filename="C:\dir\a.mp4""#, "C:\\dir\\a.mp4"),
            (r#"form-data; name="file"; filename="C:\dir\""#, "C:\\dir\\"),
            (r#"form-data; filename="\"; name="file""#, "\\"),
            (r#"form-data; name="file"; filename="100%25 été 🎬.mp4""#, "100%25 été 🎬.mp4"),
            (r#"form-data; name="file"; filename="../../x""#, "../../x"),
            (r#"form-data; name="file"; filename*=UTF-8''other; filename="a""#, "a"),
            (r#"form-data; name="file"; filename="""#, ""),
        ] {
            assert_eq!(file(value).as_deref(), Some(name), "{value}");
        }
        assert_eq!(file(r#"form-data; name="file""#), None);
    }

    #[test]
    fn what_says_no_name_or_two_is_refused() {
        for bad in [
            "",
            "form-data",
            "attachment; name=file",
            r#"form-data; filename="a""#,
            r#"form-data; name="file"; name="other""#,
            r#"form-data; name="file"; filename="a"; filename="b""#,
            r#"form-data; name="file"#,
            r#"form-data; name="file" filename="a""#,
            "form-data; name",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse(b"form-data; name=\"\xff\""), None);
    }
}
