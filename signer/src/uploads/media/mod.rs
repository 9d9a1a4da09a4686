//! What the bytes of an upload say of themselves, looked at once they are durable and before they are listed. It reads a
//! few small ranges, whatever the file's size, so it is the same for every way in which a file can come.
//!
//! | step | where |
//! |---|---|
//! | ranges of the object, within bounds | `window` |
//! | do the first bytes contradict the declared type? | `sniff`, by the table in `families` |
//! | an MP4's duration, dimensions, and where its index lies | `mp4` |

mod families;
mod mp4;
mod sniff;
mod window;

use super::Description;
use crate::{
    files::MAX_ENTRIES,
    storage::{Failure, Key, Storage},
};
use mp4::{Movie, Walk};
use proto::media::OCTET_STREAM;
use std::collections::BTreeMap;
use window::Window;

/// Bytes that say what a file is.
const HEAD: u64 = 8 << 10;

const INDEX_BEHIND: &str = "The index (`moov`) lies behind the media, so players must fetch the file's end before they can \
     start; `ffmpeg -i in.mp4 -c copy -movflags +faststart out.mp4` puts it in front.";

/// Looks at an object of `size` bytes: corrects what is said of its type, adds what it says of itself to the metadata, and
/// returns what its uploader should know, a sentence each.
pub(crate) async fn inspect(
    storage: &Storage,
    (key, size): (&Key, u64),
    description: &mut Description,
) -> Result<Vec<String>, Failure> {
    let mut window = Window::on(storage, key, size);
    let Some(head) = window.at(0..size.min(HEAD)).await? else { return Ok(Vec::new()) };
    let (contradiction, is_mp4) = (sniff::contradiction(&description.content_type, head), mp4::is_one(head));

    let mut warnings = Vec::new();
    if let Some(found) = contradiction {
        let declared = std::mem::replace(&mut description.content_type, OCTET_STREAM.into());
        warnings.push(format!("The bytes are {found}, not {declared}: the file is kept as {OCTET_STREAM}."));
    }
    if is_mp4 {
        let movie = movie(&mut window, size).await?;
        if movie.index_first == Some(false) {
            warnings.push(INDEX_BEHIND.into());
        }
        note(&movie, size, &mut description.metadata);
    }
    Ok(warnings)
}

async fn movie(window: &mut Window<'_>, size: u64) -> Result<Movie, Failure> {
    let mut walk = Walk::over(size);
    while let Some(range) = walk.wants() {
        let Some(bytes) = window.at(range).await? else { break };
        walk.look(bytes);
    }
    Ok(walk.movie())
}

/// What was measured takes the place of what was given under the same name. Metadata stays as small as its owner may make
/// it: else they could not send it back.
fn note(movie: &Movie, size: u64, metadata: &mut BTreeMap<String, String>) {
    let bits = movie.milliseconds.map(|milliseconds| u128::from(size) * 8 * 1000 / u128::from(milliseconds));
    for (name, value) in [
        ("media_duration_seconds", movie.milliseconds.map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000))),
        ("media_width", movie.dimensions.map(|(width, _)| width.to_string())),
        ("media_height", movie.dimensions.map(|(_, height)| height.to_string())),
        ("media_bits_per_second", bits.map(|bits| bits.to_string())),
        ("media_moov_first", movie.index_first.map(|first| first.to_string())),
    ] {
        let Some(value) = value else { continue };
        if metadata.len() < MAX_ENTRIES || metadata.contains_key(name) {
            metadata.insert(name.into(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVIE: Movie = Movie { milliseconds: Some(40_040), dimensions: Some((640, 360)), index_first: Some(false) };

    #[test]
    fn what_was_measured_is_noted_in_plain_units() {
        let mut metadata = BTreeMap::from([("media_width".to_owned(), "1".to_owned())]);
        note(&MOVIE, 1_001_000, &mut metadata);
        let expected = [
            ("media_bits_per_second", "200000"),
            ("media_duration_seconds", "40.040"),
            ("media_height", "360"),
            ("media_moov_first", "false"),
            ("media_width", "640"),
        ];
        assert_eq!(metadata, expected.map(|(name, value)| (name.into(), value.into())).into());
    }

    #[test]
    fn what_is_not_known_is_not_noted() {
        let mut metadata = BTreeMap::new();
        note(&Movie::default(), 5, &mut metadata);
        note(&Movie { milliseconds: Some(u64::MAX), ..Movie::default() }, u64::MAX, &mut metadata);
        assert_eq!(metadata["media_duration_seconds"], "18446744073709551.615");
        assert_eq!(metadata.len(), 2);
    }

    #[test]
    fn metadata_stays_within_its_bound() {
        let mut metadata: BTreeMap<String, String> =
            (0..MAX_ENTRIES - 1).map(|index| (format!("given {index}"), String::new())).collect();
        note(&MOVIE, 1, &mut metadata);
        assert_eq!(metadata.len(), MAX_ENTRIES);
    }
}
