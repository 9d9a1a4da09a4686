//! How an issuer may have written a signature instead of in 64 lower-case hexadecimal digits.

use super::{Slip, Try};
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const LEN: usize = 64;

/// The one presented among them, without a slip.
pub(super) fn forms(presented: &[u8]) -> Vec<Try<String>> {
    let given = String::from_utf8_lossy(presented);
    let mut forms = vec![Try { it: given.to_string(), slips: vec![] }];
    let mut also = |it: String, slip| {
        if *it != *given {
            forms.push(Try { it, slips: vec![slip] });
        }
    };
    also(given.to_ascii_lowercase(), Slip::UpperCase);
    for bytes in from_base64(&given) {
        also(hex::encode(bytes), Slip::Base64);
    }
    if let Some(digits) = digits_within(&given) {
        also(digits.into(), Slip::Decorated);
    }
    forms
}

/// A plus that was decoded as a form would is a space.
fn from_base64(text: &str) -> Vec<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.trim().replace(' ', "+");
    let engines = [STANDARD, URL_SAFE].map(|alphabet| GeneralPurpose::new(&alphabet, config));
    engines.iter().filter_map(|engine| engine.decode(&text).ok()).filter(|bytes| bytes.len() == LEN / 2).collect()
}

/// The one run of so many digits.
fn digits_within(text: &str) -> Option<&str> {
    text.split(|letter: char| !letter.is_ascii_hexdigit()).find(|run| run.len() == LEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_in_upper_case_in_base64_and_within_something_else() {
        let digits = "0123456789abcdef".repeat(4);
        let bytes = hex::decode(&digits).unwrap();
        let base64 = |alphabet: &_| GeneralPurpose::new(alphabet, GeneralPurposeConfig::new()).encode(&bytes);
        for (presented, slip) in [
            (digits.to_uppercase(), Slip::UpperCase),
            (base64(&STANDARD), Slip::Base64),
            (base64(&URL_SAFE).trim_end_matches('=').into(), Slip::Base64),
            (base64(&STANDARD).replace('+', " "), Slip::Base64),
            (format!("sha256={digits}"), Slip::Decorated),
            (format!("{digits}\"."), Slip::Decorated),
        ] {
            let forms = forms(presented.as_bytes());
            assert!(forms[0].slips.is_empty() && forms[0].it == presented);
            assert!(forms.iter().any(|form| form.it == digits && form.slips == [slip]), "{slip:?}");
        }
        assert_eq!(forms(digits.as_bytes()).len(), 1);
        assert_eq!(forms(b"\xff\x00").len(), 1);
    }
}
