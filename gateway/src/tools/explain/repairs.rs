//! What happens to links on their way to whoever pastes them, undone.

use crate::tools::link::Link;
use proto::signed_url::percent_decoded;

/// One thing that happens to links, and a link without it.
type Repair = (&'static str, fn(&str) -> String);

const REPAIRS: [Repair; 10] = [
    ("the link was escaped for HTML: `&amp;` has to be `&`", |text| text.replace("&amp;", "&").replace("&#38;", "&")),
    ("the link was escaped for JSON: `\\u0026` has to be `&`", |text| text.replace("\\u0026", "&").replace("\\/", "/")),
    ("the link has a shell's backslashes in it", |text| text.replace('\\', "")),
    ("the link was broken into lines, or has spaces in it", |text| text.split_whitespace().collect()),
    ("the link has something around it that is no part of it", within),
    ("the link's escapes were escaped: `%25` has to be `%`", |text| text.replace("%25", "%")),
    ("the link was escaped as a whole: `%3F` has to be `?`", percent_decoded),
    ("the link comes from a mail's source: `=3D` has to be `=`", |text| text.replace("=3D", "=").replace("=\n", "")),
    ("the path has two slashes where one belongs", |text| {
        text.replace("//files/", "/files/").replace("secure//", "secure/")
    }),
    ("a slash stands behind the path", |text| text.replace("/?", "?")),
];

/// Every link that this one may have been, with what happened to it.
pub(super) fn repaired(link: &Link) -> impl Iterator<Item = (&'static str, Link)> {
    let text = link.text();
    let changed = move |(why, repair): Repair| Some((why, repair(text))).filter(|(_, repaired)| repaired != text);
    REPAIRS.into_iter().filter_map(changed).map(|(why, repaired)| (why, Link::of(repaired)))
}

/// Without brackets, quotation marks and the ends of sentences.
fn within(text: &str) -> String {
    let begins = ['<', '(', '[', '{', '"', '\'', '`'];
    let ends = ['>', ')', ']', '}', '"', '\'', '`', '.', ',', ';', ':', '!', '?', '*', '_'];
    text.trim_start_matches(begins).trim_end_matches(ends).to_owned()
}
