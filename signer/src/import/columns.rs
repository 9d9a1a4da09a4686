//! What a record of the table, or an object's path, says: checked as what a service asks for is.

use super::rule::Told;
use crate::{
    catalog::Description,
    files,
    registration::{Registration, checked_path},
};
use jiff::Timestamp;
use proto::media;

/// The columns that there can be.
pub(super) const NAMES: [&str; 7] = ["path", "user_id", "filename", "content_type", "job_id", "created_at", "file_id"];
const REQUIRED: [&str; 2] = ["path", "user_id"];

/// Which of them stands where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns(Vec<&'static str>);

/// One record's fields by their names. An empty one is as good as none.
struct Fields<'f>(Vec<(&'static str, &'f str)>);

impl Columns {
    /// As the first record says.
    ///
    /// # Errors
    /// Why it is no header.
    pub(super) fn of(header: &[String]) -> Result<Self, String> {
        let known = |name: &String| NAMES.into_iter().find(|known| *known == name.trim());
        let mut columns = Vec::new();
        for name in header {
            let Some(name) = known(name) else {
                return Err(format!("a column that is none of {}", NAMES.join(", ")));
            };
            if columns.contains(&name) {
                return Err(format!("the column {name} twice"));
            }
            columns.push(name);
        }
        match REQUIRED.into_iter().find(|name| !columns.contains(name)) {
            Some(missing) => Err(format!("no column {missing}")),
            None => Ok(Self(columns)),
        }
    }

    pub(super) fn read(&self, fields: &[String]) -> Result<Registration, String> {
        if fields.len() != self.0.len() {
            return Err(format!("{} fields, where the header has {}", fields.len(), self.0.len()));
        }
        let named = self.0.iter().copied().zip(fields.iter().map(String::as_str));
        Fields(named.filter(|(_, field)| !field.is_empty()).collect()).registration()
    }
}

/// As the path says.
pub(super) fn told_by_path(path: &str, told: &Told<'_>) -> Result<Registration, String> {
    let optional = [("filename", told.filename), ("job_id", told.job_id), ("file_id", told.file_id)];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Fields([("path", path), ("user_id", told.user_id)].into_iter().chain(optional).collect()).registration()
}

impl<'f> Fields<'f> {
    fn field(&self, name: &str) -> Option<&'f str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    fn checked<T>(&self, name: &str, why: &str, read: impl FnOnce(&'f str) -> Option<T>) -> Result<Option<T>, String> {
        let field = self.field(name);
        field.map(|field| read(field).ok_or_else(|| format!("{name} {why}"))).transpose()
    }

    fn registration(&self) -> Result<Registration, String> {
        let path = checked_path(self.field("path").unwrap_or_default()).map_err(|why| format!("path {why}"))?;
        let owner = self.checked("user_id", "must be a user id", |text| text.parse().ok())?;
        let is_filename = |text: &'f str| files::is_filename(text).then(|| text.to_owned());
        let given = Description {
            filename: self.checked("filename", "must be 1 to 1024 bytes of text without NUL", is_filename)?,
            content_type: self.field("content_type").map(media::parse),
            job_id: self
                .checked("job_id", "must be 1 to 128 characters without NUL", |text| files::job_id(text.into()).ok())?,
            metadata: None,
        };
        Ok(Registration {
            owner: owner.ok_or("user_id must be there")?,
            path: path.to_owned(),
            given,
            id: self.checked("file_id", "must be a file id", |text| text.parse().ok())?,
            created_at: self.checked("created_at", "must be a time such as 2026-01-31T12:00:00Z", milliseconds)?,
        })
    }
}

/// Of RFC 3339.
fn milliseconds(time: &str) -> Option<i64> {
    let time: Timestamp = time.parse().ok()?;
    Some(time.as_millisecond()).filter(|milliseconds| *milliseconds >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    /// With every column, in the order of [`NAMES`].
    fn read(fields: [&str; 7]) -> Result<Registration, String> {
        Columns::of(&texts(&NAMES)).unwrap().read(&texts(&fields))
    }

    #[test]
    fn a_record_says_whose_file_an_object_is() {
        let all = ["a/b.mp4", "user_1", "B é", "video/mp4", "job 1", "2026-01-01T01:00:00.007+01:00", "old-1"];
        let read_all = read(all).unwrap();
        assert_eq!((read_all.path.as_str(), read_all.owner.as_str()), ("a/b.mp4", "user_1"));
        assert_eq!(read_all.id.unwrap().as_str(), "old-1");
        assert_eq!(read_all.created_at, Some(1_767_225_600_007));
        let given = [read_all.given.filename, read_all.given.content_type, read_all.given.job_id];
        assert_eq!(given.map(Option::unwrap), ["B é", "video/mp4", "job 1"]);
        let least = read(["a", "user_1", "", "", "", "", ""]).unwrap();
        assert_eq!((least.id, least.created_at, least.given.filename), (None, None, None));
        let opaque = read(["a", "user_1", "", "no media type", "", "", ""]).unwrap();
        assert_eq!(opaque.given.content_type.as_deref(), Some(media::OCTET_STREAM));
    }

    #[test]
    fn a_bad_field_is_told_by_its_column_and_never_repeated() {
        let good = ["a", "user_1", "", "", "", "", ""];
        for (column, bad) in [
            ("path", ""),
            ("path", "../secret-text"),
            ("path", "managed/ab/secret-text"),
            ("path", "secret-text\0"),
            ("user_id", ""),
            ("user_id", "secret:text"),
            ("filename", "secret\0text"),
            ("job_id", &"secret".repeat(30)),
            ("created_at", "yesterday"),
            ("created_at", "1767225600"),
            ("created_at", "1969-12-31T00:00:00Z"),
            ("file_id", "secret/text"),
            ("file_id", "upload"),
        ] {
            let mut fields = good;
            fields[NAMES.iter().position(|name| *name == column).unwrap()] = bad;
            let why = read(fields).unwrap_err();
            assert!(why.starts_with(column) && !why.contains("secret"), "{column} {bad:?}: {why}");
        }
        let short = Columns::of(&texts(&NAMES)).unwrap().read(&texts(&["a", "user_1"])).unwrap_err();
        assert_eq!(short, "2 fields, where the header has 7");
    }

    #[test]
    fn a_header_names_known_columns_once_and_those_that_must_be_there() {
        assert!(Columns::of(&texts(&["user_id", " path "])).is_ok());
        for (bad, why) in [
            (&["path"][..], "no column user_id"),
            (&["path", "user_id", "path"], "the column path twice"),
            (&["path", "user_id", "size"], "a column that is none of"),
            (&["Path", "user_id"], "a column that is none of"),
            (&["videos/a.mp4", "user_1"], "a column that is none of"),
        ] {
            let told = Columns::of(&texts(bad)).unwrap_err();
            assert!(told.starts_with(why), "{bad:?}: {told}");
        }
    }
}
