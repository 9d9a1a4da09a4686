//! A message's headers, as Svix and Standard Webhooks have them, and its signature.

use super::{Refused, Secrets};
use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;

/// The names of one family count, never some of each.
const FAMILIES: [[&str; 3]; 2] =
    [["svix-id", "svix-timestamp", "svix-signature"], ["webhook-id", "webhook-timestamp", "webhook-signature"]];

/// Seconds that a message may be older or newer than now, itself included.
const TOLERANCE: u64 = 300;
const MAX_ID: usize = 256;
/// Bytes of all signatures; a sender that rotates its secret gives two of fifty.
const MAX_SIGNATURES: usize = 4 << 10;

/// Who says what it says is known only after [`Envelope::verify`].
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    id: &'a str,
    timestamp: &'a str,
    sent_at: u64,
    signatures: &'a str,
}

impl<'a> Envelope<'a> {
    /// Reads the headers of a message that arrives at `now` (Unix seconds).
    pub(super) fn read(headers: &'a HeaderMap, now: u64) -> Result<Self, Refused> {
        let family = FAMILIES.iter().find(|names| names.iter().any(|name| headers.contains_key(*name)));
        let [id, timestamp, signatures] = family.ok_or(Refused::Headers)?.map(|name| only(headers, name));
        let (id, timestamp) = (id?, timestamp?);
        // With a dot in it an id could take over a part of what is signed behind it.
        if id.len() > MAX_ID || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.') {
            return Err(Refused::Headers);
        }
        let sent_at = seconds(timestamp).ok_or(Refused::Headers)?;
        let signatures = signatures?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(Refused::Headers);
        }
        if sent_at.abs_diff(now) > TOLERANCE {
            return Err(Refused::Timestamp);
        }
        Ok(Self { id, timestamp, sent_at, signatures })
    }

    /// Whether one of its signatures is one of ours over exactly these bytes.
    pub(super) fn verify(&self, body: &[u8], secrets: &Secrets) -> Result<(), Refused> {
        let signed = [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", body];
        let expected: Vec<_> = secrets.sign(&signed).collect();
        let mut given = self.signatures.split(' ').filter_map(|entry| STANDARD.decode(entry.strip_prefix("v1,")?).ok());
        let is_ours = |given: Vec<u8>| expected.iter().any(|expected| expected[..].ct_eq(&given).into());
        if given.any(is_ours) { Ok(()) } else { Err(Refused::Signature) }
    }

    /// The same each time the message is sent.
    pub(super) fn id(&self) -> &str {
        self.id
    }

    /// Unix seconds.
    pub(super) fn sent_at(&self) -> u64 {
        self.sent_at
    }
}

/// A header that is there once, and not empty.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Refused::Headers) };
    value.to_str().ok().filter(|text| !text.is_empty()).ok_or(Refused::Headers)
}

/// One to twelve digits, the first of them not 0: other parsers take more, and then sign another text.
fn seconds(text: &str) -> Option<u64> {
    let is_plain = text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the libraries of Svix.
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const AT: u64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn vector(changes: &[(&'static str, &str)]) -> HeaderMap {
        let at = AT.to_string();
        let mut lines = vec![("svix-id", ID), ("svix-timestamp", at.as_str()), ("svix-signature", SIGNATURE)];
        for (name, value) in changes {
            lines.retain(|(known, _)| known != name);
            lines.push((name, value));
        }
        headers(&lines)
    }

    fn verdict(headers: &HeaderMap, body: &[u8], now: u64, secrets: &str) -> Result<(), Refused> {
        Envelope::read(headers, now)?.verify(body, &Secrets::read(secrets).unwrap())
    }

    fn judged(changes: &[(&'static str, &str)]) -> Result<(), Refused> {
        verdict(&vector(changes), BODY, AT, SECRET)
    }

    #[test]
    fn the_vector_of_svix_is_taken_under_both_names() {
        assert_eq!(judged(&[]), Ok(()));
        let at = AT.to_string();
        let plain = [("webhook-id", ID), ("webhook-timestamp", &at), ("webhook-signature", SIGNATURE)];
        assert_eq!(verdict(&headers(&plain), BODY, AT, SECRET), Ok(()));
        let mixed = [("svix-id", ID), ("webhook-timestamp", &at), ("webhook-signature", SIGNATURE)];
        assert_eq!(verdict(&headers(&mixed), BODY, AT, SECRET), Err(Refused::Headers));
    }

    #[test]
    fn a_header_is_there_once_and_has_its_form() {
        for (name, values) in [
            ("svix-id", &["", "a.b", "a b", "é", &"x".repeat(257)][..]),
            ("svix-timestamp", &["", "1649367553abc", "+1649367553", "1649367553.9", "01649367553", "-1649367553"]),
            ("svix-timestamp", &["1e9", "0x62506641", "1_649_367_553", "0", "1649367553000", "9999999999999999999999"]),
            ("svix-signature", &["", &format!("{SIGNATURE} ").repeat(1000)]),
        ] {
            for value in values {
                assert_eq!(judged(&[(name, value)]), Err(Refused::Headers), "{name}: {value}");
            }
            let (mut missing, mut twice) = (vector(&[]), vector(&[]));
            missing.remove(name);
            let again = twice[name].clone();
            twice.append(name, again);
            assert_eq!(verdict(&missing, BODY, AT, SECRET), Err(Refused::Headers), "{name}");
            assert_eq!(verdict(&twice, BODY, AT, SECRET), Err(Refused::Headers), "{name}");
        }
        assert_eq!(verdict(&HeaderMap::new(), BODY, AT, SECRET), Err(Refused::Headers));
    }

    #[test]
    fn five_minutes_are_allowed_both_ways() {
        for (now, expected) in [
            (AT - 301, Err(Refused::Timestamp)),
            (AT - 300, Ok(())),
            (AT + 300, Ok(())),
            (AT + 301, Err(Refused::Timestamp)),
            (0, Err(Refused::Timestamp)),
        ] {
            assert_eq!(verdict(&vector(&[]), BODY, now, SECRET), expected, "{now}");
        }
    }

    #[test]
    fn any_good_signature_among_others_counts_and_no_part_of_one() {
        let bare = &SIGNATURE[3..];
        for good in [
            format!("v1,AAAA {SIGNATURE}"),
            format!("{SIGNATURE} v2,{bare}"),
            format!("v1a,{bare}  {SIGNATURE}"),
            format!("{}{SIGNATURE}", "v1, ".repeat(1000)),
        ] {
            assert_eq!(judged(&[("svix-signature", &good)]), Ok(()), "{good}");
        }
        for bad in [
            "v1,".to_owned(),
            "v1".to_owned(),
            ",".to_owned(),
            SIGNATURE[..3 + 8].to_owned(),
            SIGNATURE[..SIGNATURE.len() - 1].to_owned(),
            format!("v2,{bare}"),
            format!("v1a,{bare}"),
            format!("V1,{bare}"),
            bare.to_owned(),
            format!("{SIGNATURE},x"),
            format!("v1,x,{SIGNATURE}"),
            format!("{SIGNATURE}="),
            format!("{SIGNATURE}AAAA"),
            SIGNATURE.replace('t', "u"),
        ] {
            assert_eq!(judged(&[("svix-signature", &bad)]), Err(Refused::Signature), "{bad}");
        }
    }

    #[test]
    fn every_byte_that_is_signed_counts() {
        let spaced = [BODY, b" "].concat();
        for body in [&spaced[..], &BODY[..BODY.len() - 1], b"", b"\x1f\x8b\x08"] {
            assert_eq!(verdict(&vector(&[]), body, AT, SECRET), Err(Refused::Signature));
        }
        for at in 0..BODY.len() {
            let mut flipped = BODY.to_vec();
            flipped[at] ^= 1;
            assert_eq!(verdict(&vector(&[]), &flipped, AT, SECRET), Err(Refused::Signature), "{at}");
        }
        assert_eq!(judged(&[("svix-id", "msg_other")]), Err(Refused::Signature));
        assert_eq!(judged(&[("svix-timestamp", &(AT + 1).to_string())]), Err(Refused::Signature));
    }

    #[test]
    fn any_secret_of_a_rotation_counts() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for secrets in [format!("{other} {SECRET}"), format!("{SECRET} {other}")] {
            assert_eq!(verdict(&vector(&[]), BODY, AT, &secrets), Ok(()), "{secrets}");
        }
        assert_eq!(verdict(&vector(&[]), BODY, AT, other), Err(Refused::Signature));
    }
}
