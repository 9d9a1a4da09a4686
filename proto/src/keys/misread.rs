//! What an issuer may have made of a secret instead of its text.

use super::{DEFAULT_KEY_ID, Key, listed};
use crate::{id::KeyId, signed_url::Slip};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD},
};

/// What stands for a variable that is not set, in one language or another.
const NOTHING: [&str; 5] = ["", "undefined", "null", "None", "nil"];

/// A key as somebody may have it, and the mistake that it stands for.
pub(crate) struct Suspect {
    /// The key of the ring that it was meant to be.
    pub(crate) id: KeyId,
    pub(crate) slip: Option<Slip>,
    key: Key,
}

impl Suspect {
    fn new(id: &KeyId, slip: Option<Slip>, secret: &[u8]) -> Self {
        Self { id: id.clone(), slip, key: Key::new(id.clone(), secret) }
    }

    /// Whether it made `presented` over `text`.
    pub(crate) fn made(&self, text: &[u8], presented: &[u8]) -> bool {
        self.key.sign(&[text]).matches(presented).into()
    }
}

/// Every key of the settings as it is, and as it may have been misread.
pub(crate) fn suspects(secret: Option<&str>, list: Option<&str>) -> Vec<Suspect> {
    let own = secret.and_then(|secret| Some((DEFAULT_KEY_ID.parse().ok()?, secret)));
    let listed = listed(list).filter_map(Result::ok);
    let keys: Vec<(KeyId, &str)> = own.into_iter().chain(listed).filter(|(_, secret)| !secret.is_empty()).collect();
    let mut suspects: Vec<_> = keys.iter().map(|(id, secret)| Suspect::new(id, None, secret.as_bytes())).collect();
    for (id, secret) in &keys {
        suspects.extend(readings(secret).iter().map(|(slip, bytes)| Suspect::new(id, Some(*slip), bytes)));
        suspects.push(Suspect::new(id, Some(Slip::SecretWithId), format!("{id}:{secret}").as_bytes()));
    }
    if let (Some(list), Some((id, _))) = (list, keys.iter().find(|(id, _)| id.as_str() != DEFAULT_KEY_ID)) {
        suspects.push(Suspect::new(id, Some(Slip::SecretWithId), list.as_bytes()));
    }
    if let Some((id, _)) = keys.first() {
        suspects.extend(NOTHING.iter().map(|word| Suspect::new(id, Some(Slip::SecretMissing), word.as_bytes())));
    }
    suspects
}

fn readings(secret: &str) -> Vec<(Slip, Vec<u8>)> {
    let spelled = [
        (Slip::SecretLineEnd, format!("{secret}\n")),
        (Slip::SecretLineEnd, format!("{secret}\r\n")),
        (Slip::SecretTrimmed, secret.trim().to_owned()),
        (Slip::SecretQuoted, format!("\"{secret}\"")),
        (Slip::SecretQuoted, format!("'{secret}'")),
        (Slip::SecretUnquoted, secret.trim_matches(['"', '\'']).to_owned()),
        (Slip::SecretEncoded, hex::encode(secret)),
        (Slip::SecretEncoded, BASE64_STANDARD.encode(secret)),
        (Slip::SecretEncoded, BASE64_STANDARD.encode(format!("{secret}\n"))),
    ];
    let spelled = spelled.into_iter().filter(|(_, other)| other != secret);
    let mut readings: Vec<_> = spelled.map(|(slip, text)| (slip, text.into_bytes())).collect();
    readings.extend(hex::decode(secret).ok().map(|bytes| (Slip::SecretFromHex, bytes)));
    let engines = [BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD];
    readings.extend(engines.iter().filter_map(|engine| Some((Slip::SecretFromBase64, engine.decode(secret).ok()?))));
    readings
}
