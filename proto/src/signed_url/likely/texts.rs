//! What an issuer may have signed instead of the string to sign.

use super::{
    super::{
        Claims, SECURE_PREFIX,
        claims::Form,
        query::decoded,
        v1::VALUE,
        v2::{FIRST_LINE, Signed},
    },
    MOST, Slip, Try,
};
use percent_encoding::utf8_percent_encode;

/// The places of file, user and expires.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
const SEPARATORS: [&str; 9] = [":", "|", ".", "-", "_", "/", ",", "\n", ""];

/// One part of a text in one of its spellings.
type Spelling = (String, Option<Slip>);

/// The right one among them, without a slip.
pub(super) fn texts(claims: &Claims<'_>, mount: &str) -> Vec<Try<Vec<u8>>> {
    match &claims.form {
        Form::V1 { digits } => texts_v1(claims, digits, mount),
        Form::V2(signed) => texts_v2(claims, signed, mount),
    }
}

fn texts_v1(claims: &Claims<'_>, digits: &[u8], mount: &str) -> Vec<Try<Vec<u8>>> {
    let mut texts = Vec::new();
    let (files, users, times) = (files(claims, mount), users(claims), times(&String::from_utf8_lossy(digits)));
    for (file, user) in files.iter().flat_map(|file| users.iter().map(move |user| (file, user))) {
        for time in &times {
            arrange([file, user, time], &mut texts);
        }
    }
    texts
}

/// In every order, with everything between them.
fn arrange(parts: [&Spelling; 3], texts: &mut Vec<Try<Vec<u8>>>) {
    for order in ORDERS {
        for separator in SEPARATORS {
            let mut slips: Vec<_> = parts.iter().filter_map(|(_, slip)| *slip).collect();
            slips.extend((order != ORDERS[0]).then_some(Slip::Order));
            slips.extend((separator != SEPARATORS[0]).then_some(Slip::Separator));
            if slips.len() <= MOST {
                let text = order.map(|place| parts[place].0.as_str()).join(separator);
                texts.push(Try { it: text.into_bytes(), slips });
            }
        }
    }
}

fn files(claims: &Claims<'_>, mount: &str) -> Vec<Spelling> {
    let file = claims.file().as_str();
    let path = format!("{SECURE_PREFIX}{file}");
    vec![
        (file.into(), None),
        (path.clone(), Some(Slip::PathSigned)),
        (format!("{mount}{path}"), Some(Slip::PathSigned)),
    ]
}

fn users(claims: &Claims<'_>) -> Vec<Spelling> {
    let user = claims.user().as_str();
    let escaped = utf8_percent_encode(user, VALUE).to_string();
    let lower = escaped.replace("%7C", "%7c");
    let mut users: Vec<Spelling> = vec![(user.into(), None)];
    users.extend([escaped, lower].into_iter().filter(|other| other != user).map(|it| (it, Some(Slip::UserEscaped))));
    users
}

fn times(digits: &str) -> Vec<Spelling> {
    let mut times = vec![
        (digits.to_owned(), None),
        (format!("{digits}000"), Some(Slip::ExpiresMilliseconds)),
        (format!("{digits}.0"), Some(Slip::ExpiresFraction)),
    ];
    if digits.len() == "1700000000000".len() {
        times.push((digits[..10].into(), Some(Slip::ExpiresSeconds)));
    }
    times
}

fn texts_v2(claims: &Claims<'_>, signed: &Signed<'_>, mount: &str) -> Vec<Try<Vec<u8>>> {
    let given: Vec<_> = signed.pairs().iter().map(|pair| pair.raw.as_bytes().to_vec()).collect();
    let plain = signed.pairs().into_iter().map(|pair| decoded(pair.raw).into_owned());
    let (mut sorted, mut unescaped) = (given.clone(), plain.collect::<Vec<_>>());
    sorted.sort();
    unescaped.sort();
    let path = signed.path().as_bytes().to_vec();
    let mounted = [mount.as_bytes(), &path].concat();
    let first = FIRST_LINE.strip_suffix(b"\n").unwrap_or(FIRST_LINE).to_vec();
    let text = |first: &[Vec<u8>], path: &[u8], pairs: &[Vec<u8>]| {
        let lines = [first, &[path.to_vec()], pairs].concat();
        [lines.join(&b'\n').as_slice(), b"\n"].concat()
    };
    let first = [first];
    let right = text(&first, &path, &sorted);
    let joined = [&path, b"?".as_slice(), &given.join(&b'&')].concat();
    let user = claims.user();
    [
        (right.clone(), None),
        (text(&first, &path, &given), Some(Slip::Unsorted)),
        (text(&first, &path, &unescaped), Some(Slip::Unescaped)),
        (text(&first, &mounted, &sorted), Some(Slip::MountSigned)),
        (text(&[], &path, &sorted), Some(Slip::NoFirstLine)),
        (right[..right.len() - 1].to_vec(), Some(Slip::NoLastLineEnd)),
        (joined, Some(Slip::UrlSigned)),
        (format!("{}:{user}:{}", claims.file(), claims.expires()).into_bytes(), Some(Slip::Version1)),
    ]
    .into_iter()
    .filter(|(_, slip)| !(mount.is_empty() && *slip == Some(Slip::MountSigned)))
    .map(|(it, slip)| Try { it, slips: slip.into_iter().collect() })
    .collect()
}
