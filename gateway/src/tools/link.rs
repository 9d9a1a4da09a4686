//! A link as somebody pasted it, and what a gateway would see of it.

use crate::server::MAX_HEAD;
use clap::{Arg, ArgMatches};
use proto::signed_url::{SECURE_PREFIX, secure_path};
use std::io::Read;

/// Text that may be a signed URL. It holds a signature, so nothing prints it.
#[derive(Clone)]
pub(crate) struct Link(String);

/// Path and query of a link, as they would stand in a request.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// What stands in front of `/files/secure/`.
    pub(super) mount: &'a str,
    /// Whether a gateway serves that.
    pub(super) is_served: bool,
    /// From `/files/secure/` on.
    pub(super) path: &'a str,
    /// Without its question mark.
    pub(super) query: &'a str,
}

impl Link {
    /// The argument of every tool that takes a link.
    pub(crate) fn argument() -> Arg {
        Arg::new("url")
            .value_name("URL")
            .required(true)
            .help("The link, or its path and query, in quotation marks; - reads it from standard input")
    }

    /// What was given, or what `input` has. Of more than a gateway reads, the rest is left.
    pub(crate) fn read(flags: &ArgMatches, input: impl Read) -> Self {
        let given = flags.get_one::<String>("url").filter(|given| *given != "-");
        Self(given.cloned().unwrap_or_else(|| {
            let mut bytes = Vec::new();
            // What cannot be read is no link, and that is then told.
            let _ = input.take(2 * MAX_HEAD as u64).read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        }))
    }

    pub(super) fn of(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn text(&self) -> &str {
        self.0.trim_matches(['\r', '\n', ' ', '\t'])
    }

    /// Longer than the head that a gateway reads: it is never looked at.
    pub(crate) fn is_too_long(&self) -> bool {
        self.0.len() > MAX_HEAD
    }

    /// No request can hold these as they stand.
    pub(super) fn has_spaces_or_controls(&self) -> bool {
        self.text().chars().any(|letter| letter.is_whitespace() || letter.is_control())
    }

    /// `None`: nothing in it leads to a file.
    pub(super) fn target(&self) -> Option<Target<'_>> {
        let text = self.text();
        let text = text.split_once('#').map_or(text, |(sent, _)| sent);
        let behind = text.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
        let target = behind.map_or(text, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let (whole, query) = target.split_once('?').unwrap_or((target, ""));
        let served = secure_path(whole);
        let path = served.or_else(|| whole.find(SECURE_PREFIX).map(|at| &whole[at..]))?;
        let mount = &whole[..whole.len() - path.len()];
        Some(Target { mount, is_served: served.is_some(), path, query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Option<(String, bool, String, String)> {
        let link = Link::of(text.into());
        link.target().map(|it| (it.mount.into(), it.is_served, it.path.into(), it.query.into()))
    }

    #[test]
    fn path_and_query_are_found_in_whatever_was_pasted() {
        let found = |mount: &str, is_served| Some((mount.into(), is_served, "/files/secure/a".into(), "b=c".into()));
        assert_eq!(target("https://files.example.com/files/secure/a?b=c"), found("", true));
        assert_eq!(target("  http://[::1]:8080/api/v1/files/secure/a?b=c#t=10\n"), found("/api/v1", true));
        assert_eq!(target("/api/files/secure/a?b=c"), found("/api", true));
        assert_eq!(target("https://files.example.com/media/files/secure/a?b=c"), found("/media", false));
        for none in
            ["", "https://files.example.com", "https://files.example.com/other/a?b=/files/secure/", "?b=c", "://"]
        {
            assert_eq!(target(none), None, "{none}");
        }
    }

    #[test]
    fn of_endless_input_only_the_beginning_is_read() {
        let flags = clap::Command::new("x").arg(Link::argument()).get_matches_from(["x", "-"]);
        let link = Link::read(&flags, std::io::repeat(b'a'));
        assert!(link.is_too_long() && link.text().len() == 2 * MAX_HEAD);
        assert!(!Link::read(&flags, &b"\xff\xfe"[..]).is_too_long());
    }
}
