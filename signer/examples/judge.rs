//! Judges tokens, for a comparison with another judge of them:
//!
//! ```text
//! judge <public key, PEM file> <unix seconds>
//! ```
//!
//! Each line of standard input is a JSON object with `token`, `audience`, `issuer` and `parties`. Each line of output
//! is `ok` and the user's id, or what is wrong with the token.
use serde_json::Value;
use signer::identity::{Key, Rules, judge};
use std::{
    error::Error,
    io::{BufRead, Write, stdin, stdout},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [key, now] = arguments.as_slice() else {
        return Err("usage: judge <public key, PEM file> <unix seconds>".into());
    };
    let (key, now) = (Key::from_pem(&std::fs::read_to_string(key)?)?, now.parse()?);
    let mut verdicts = stdout().lock();
    for line in stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let token = case["token"].as_str().ok_or("no token")?;
        match judge(token, &key, &rules(&case), now) {
            Ok(user) => writeln!(verdicts, "ok {}", user.id)?,
            Err(flaw) => writeln!(verdicts, "{flaw}")?,
        }
    }
    Ok(())
}

fn rules(case: &Value) -> Rules {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Rules {
        issuer: text(&case["issuer"]),
        audience: text(&case["audience"]).unwrap_or_default(),
        parties: case["parties"].as_array().into_iter().flatten().filter_map(text).collect(),
    }
}
