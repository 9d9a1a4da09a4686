//! What a process finds that comes after another one: chunks to be trusted only when their checksum says so (G5, G6).

use super::{CHUNK, Stage, cached_setup, files_below};
use crate::harness::{Fault, File, PATIENCE, Random, eventually, number};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{FileExt, symlink},
    path::{Path, PathBuf},
};

/// Stops without a word, lets `meddle` have the chunks, starts again.
fn restart_after(stage: &mut Stage, chunks: &[PathBuf], meddle: impl Fn(&Path)) {
    stage.gateway.kill();
    chunks.iter().for_each(|path| meddle(path));
    stage.gateway.start_again();
}

/// Every chunk is thrown away, fetched once more, and kept; each time the bytes are right.
#[track_caller]
fn assert_mended(stage: &Stage, film: &File) {
    let before = stage.fetched(film);
    stage.assert_served(film);
    assert_eq!(stage.fetched(film) - before, film.size(), "every chunk is fetched again");
    stage.cached_files();
    stage.assert_served(film);
    assert_eq!(stage.fetched(film) - before, film.size(), "and kept");
}

fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).expect("a chunk");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("a byte");
    file.write_all_at(&[byte[0] ^ 0x10], at).expect("a byte");
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn chunks_outlive_the_process() {
    let mut stage = Stage::cached();
    let (film, chunks) = stage.cached_film(4);
    restart_after(&mut stage, &chunks, |_| {});
    let before = stage.origin.gets(&film).len();
    stage.assert_served(&film);
    assert_eq!(stage.origin.gets(&film).len(), before, "nothing is fetched again");
    assert!(stage.gateway.metric("gateway_cache_bytes") >= (4 * CHUNK) as f64);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_flipped_bit_is_found_and_fetched_again() {
    let mut stage = Stage::cached();
    let places: [fn(u64) -> u64; 5] =
        [|_| 0, |_| CHUNK as u64 / 2, |_| CHUNK as u64 - 1, |size| size - 1, |size| size - 9];
    for place in places {
        let (film, chunks) = stage.cached_film(3);
        restart_after(&mut stage, &chunks, |path| flip(path, place(fs::metadata(path).expect("a chunk").len())));
        assert_mended(&stage, &film);
        let seen =
            ["gateway_cache_corrupt_total", "gateway_cache_failures_total"].map(|name| stage.gateway.metric(name));
        assert!(seen.iter().sum::<f64>() > 0.0, "an operator has to see it");
    }
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_chunk_cut_short_or_grown_is_fetched_again() {
    let mut stage = Stage::cached();
    for change in [-(CHUNK as i64), -(CHUNK as i64 / 2), -1, 1, 100_000] {
        let (film, chunks) = stage.cached_film(3);
        restart_after(&mut stage, &chunks, |path| {
            let file = fs::File::options().write(true).open(path).expect("a chunk");
            let size = file.metadata().expect("a chunk").len();
            file.set_len(size.saturating_add_signed(change)).expect("another length");
        });
        assert_mended(&stage, &film);
    }
    let (film, chunks) = stage.cached_film(3);
    restart_after(&mut stage, &chunks, |path| fs::write(path, b"").expect("an empty file"));
    assert_mended(&stage, &film);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn the_chunk_of_another_place_or_file_is_fetched_again() {
    let mut stage = Stage::cached();
    let (film, mut own) = stage.cached_film(2);
    let (other, theirs) = stage.cached_film(2);
    own.extend(theirs);
    let contents: Vec<_> = own.iter().map(|path| fs::read(path).expect("a chunk")).collect();
    restart_after(&mut stage, &own, |path| {
        let at = own.iter().position(|known| known == path).expect("one of them");
        fs::write(path, &contents[(at + 1) % own.len()]).expect("a chunk");
    });
    assert_mended(&stage, &film);
    assert_mended(&stage, &other);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn what_is_no_chunk_does_no_harm_and_suffers_none() {
    let stage = Stage::cached();
    let (film, chunks) = stage.cached_film(2);
    stage.gateway.kill();
    let (cache, outside) = (stage.cache(), stage.gateway.home().join("outside.txt"));
    fs::write(&outside, b"not ours").expect("a file");
    let name = chunks[0].file_name().expect("a name").to_string_lossy().into_owned();
    let beside = |name: &str| chunks[0].with_file_name(name);
    fs::write(cache.join("notes.txt"), b"a note").expect("a file");
    fs::write(beside(&name.replace(|c: char| c.is_ascii_hexdigit(), "0")), b"a chunk?").expect("a file");
    fs::write(beside("\u{1f3ac}"), b"").expect("a file");
    fs::create_dir_all(cache.join("folder/in/folder")).expect("folders");
    symlink(&outside, cache.join("link")).expect("a link");
    symlink(&outside, beside(&name.replace(|c: char| c.is_ascii_hexdigit(), "1"))).expect("a link");
    symlink(&cache, cache.join("loop")).expect("a link");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, cache.join("fifo"), rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
    stage.gateway.start_again();
    stage.assert_served(&film);
    stage.assert_served(&stage.film(3 * CHUNK));
    assert!(fs::read(&outside).is_ok_and(|bytes| bytes == b"not ours"));
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_chunk_cut_short_under_a_running_process_is_never_padded() {
    let stage = Stage::cached();
    let (film, chunks) = stage.cached_film(3);
    for path in &chunks {
        let file = fs::File::options().write(true).open(path).expect("a chunk");
        file.set_len(CHUNK as u64 / 3).expect("another length");
    }
    let _ = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
    eventually("it is fetched again", PATIENCE, || {
        let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
        (outcome == crate::outcome::Outcome::Exact).then_some(())
    });
    stage.assert_unharmed();
}

/// `T2M_KILLS` times, 6 unless given.
#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn killed_at_any_point_of_a_fill_it_starts_again_and_serves_nothing_torn() {
    let stage = Stage::cached();
    for seed in 0..number("T2M_KILLS", 6) {
        let place = Random::seeded(seed).below(6 * CHUNK as u64);
        let before: BTreeSet<_> = stage.cached_files().into_keys().collect();
        let film = stage.film(6 * CHUNK);
        stage.origin.plan(move |seen| {
            let range = seen.range.clone()?;
            (range.end > place).then(|| Fault::Stall(place.saturating_sub(range.start)))
        });
        let mut download = stage.gateway.get(&film.url()).open();
        let first = place as usize / CHUNK * CHUNK;
        assert!(film.bytes.starts_with(&download.take(first)), "{seed}");
        let is_asked = || stage.origin.gets(&film).iter().any(|get| get.range.as_ref().is_some_and(|r| r.end > place));
        eventually("the chunk is being filled", PATIENCE, || is_asked().then_some(()));
        stage.gateway.kill();
        let unpublished: Vec<_> =
            files_below(&stage.cache()).into_keys().filter(|path| !before.contains(path)).collect();
        stage.origin.recover();
        stage.gateway.start_again();
        let whole = first / CHUNK;
        eventually("what was unfinished is swept up", PATIENCE, || {
            (unpublished.iter().filter(|path| path.exists()).count() <= whole).then_some(())
        });
        stage.assert_served(&film);
        stage.cached_files();
        stage.assert_served(&film);
    }
    stage.assert_unharmed();
}

/// `T2M_CACHE_FILES` of them, 10,000 unless given.
#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_cache_of_very_many_chunks_starts_and_serves_and_keeps_its_bound() {
    let stage = Stage::cached();
    let (film, chunks) = stage.cached_film(4);
    stage.gateway.kill();
    let mut random = Random::seeded(3);
    for n in 0..number("T2M_CACHE_FILES", 10_000) {
        // Links, so that they take no room: their names are right and their contents are not. The first two digits
        // are kept, as they may be the sub-folder's.
        let chunk = &chunks[n as usize % chunks.len()];
        let name = chunk.file_name().expect("a name").to_string_lossy().into_owned();
        let other = format!("{:016x}{:016x}", random.number(), random.number());
        let copy = chunk.with_file_name(format!("{}{other}{}", &name[..2], &name[34..]));
        fs::hard_link(chunk, copy).expect("one more name");
    }
    stage.gateway.start_again();
    stage.assert_served(&film);
    stage.assert_served(&stage.film(3 * CHUNK));
    let bound = 1 << 30;
    eventually("it is within its bound", PATIENCE, || {
        (files_below(&stage.cache()).values().sum::<u64>() <= bound + bound / 50).then_some(())
    });
    stage.assert_unharmed();
}

/// What a file system may show of a file that nobody synced: each block as it was written, as zeros, or as whoever had it
/// before left it; any whole number of blocks, or all of its length; or no file.
fn after_a_power_cut(random: &mut Random, written: &[u8], before: &[u8]) -> Option<Vec<u8>> {
    const BLOCK: usize = 4096;
    let mut seen = Vec::with_capacity(written.len());
    let lost = random.below(4);
    for (block, written) in written.chunks(BLOCK).enumerate() {
        match random.below(16) {
            0 if lost > 0 => seen.resize(seen.len() + written.len(), 0),
            1 if lost > 1 => seen.extend_from_slice(&before[block * BLOCK..][..written.len()]),
            _ => seen.extend_from_slice(written),
        }
    }
    match random.below(8) {
        0 => None,
        1 | 2 => {
            let blocks = written.len().div_ceil(BLOCK) as u64;
            seen.truncate(random.below(blocks) as usize * BLOCK);
            Some(seen)
        }
        _ => Some(seen),
    }
}

/// `T2M_POWER_CUTS` times, 8 unless given.
#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn whatever_a_power_cut_leaves_of_chunks_the_bytes_are_right() {
    let stage = Stage::of(cached_setup());
    for seed in 0..number("T2M_POWER_CUTS", 8) {
        let (film, chunks) = stage.cached_film(6);
        let written: Vec<_> = chunks.iter().map(|path| fs::read(path).expect("a chunk")).collect();
        let mut random = Random::seeded(seed);
        stage.gateway.kill();
        for (at, path) in chunks.iter().enumerate() {
            let before = &written[(at + 1) % written.len()];
            match after_a_power_cut(&mut random, &written[at], before) {
                Some(seen) => fs::write(path, seen).expect("a chunk"),
                None => fs::remove_file(path).expect("a name"),
            }
        }
        stage.gateway.start_again();
        stage.assert_served(&film);
        stage.cached_files();
        let fetched = stage.fetched(&film);
        stage.assert_served(&film);
        assert_eq!(stage.fetched(&film), fetched, "seed {seed}: what was mended is kept");
    }
    stage.assert_unharmed();
}
