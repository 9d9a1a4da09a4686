//! What the first bytes of a file say it is, against what was declared. Only a contradiction that is certain counts: bytes
//! that say nothing, or something of the same family, leave the declared type as it is.

use super::families::{FAMILIES, Family, GUESSES, ISO, MATROSKA, SVG, TEXTS};

/// Media of these kinds is shown, played or run as what it is declared as.
const SHOWN: [&str; 5] = ["audio", "font", "image", "text", "video"];
/// EBML, RFC 8794 section 11.2.
const EBML: &[u8] = &[0x1a, 0x45, 0xdf, 0xa3];

/// What was recognised.
struct Found {
    name: &'static str,
    family: Option<&'static Family>,
}

/// What the bytes are, if they cannot be what was declared.
pub(super) fn contradiction(declared: &str, head: &[u8]) -> Option<&'static str> {
    let found = recognise(head)?;
    let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = declared.split('/').next().unwrap_or_default();
    let (types, kinds) = found.family.map_or((&[][..], &[][..]), |family| (family.types, family.kinds));
    let is_of_another = FAMILIES.iter().any(|family| family.types.contains(&&*declared));
    let fits = if types.contains(&&*declared) {
        true
    } else if is_of_another {
        false
    } else if is_text(&declared) {
        kinds.contains(&"text")
    } else {
        kinds.contains(&kind) || !SHOWN.contains(&kind)
    };
    (!fits).then_some(found.name)
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
        || TEXTS.contains(&media_type)
}

fn recognise(head: &[u8]) -> Option<Found> {
    let own = if head.get(4..8) == Some(b"ftyp") {
        ISO
    } else if head.starts_with(EBML) {
        MATROSKA
    } else if head.trim_ascii_start().get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"<svg")) {
        SVG
    } else {
        ""
    };
    let found = match FAMILIES.iter().find(|family| family.name == own) {
        Some(family) => Found { name: family.name, family: Some(family) },
        None => sniffed(head)?,
    };
    let may_be_text = found.family.is_some_and(|family| family.kinds.contains(&"text") || family.name == "PDF");
    (may_be_text || has_binary(head)).then_some(found)
}

/// What the sniffer is certain of.
fn sniffed(head: &[u8]) -> Option<Found> {
    let found = infer::get(head)?;
    let name = found.mime_type();
    if GUESSES.contains(&found.extension()) || found.extension() == "pdf" && !head.starts_with(b"%PDF-") {
        return None;
    }
    let family = FAMILIES.iter().find(|family| family.sniffed.contains(&name));
    Some(Found { name: family.map_or(name, |family| family.name), family })
}

/// A byte that no text holds (WHATWG MIME Sniffing section 3). Short magic numbers are words in some text: `BM`, `MZ`.
fn has_binary(head: &[u8]) -> bool {
    head.iter().any(|byte| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f))
}

#[cfg(test)]
mod tests;
