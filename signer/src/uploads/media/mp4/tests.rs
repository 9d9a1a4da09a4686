use super::*;
use proptest::prelude::*;

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + content.len()).unwrap();
    [&size.to_be_bytes(), kind.as_slice(), content].concat()
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn mvhd(timescale: u32, duration: u32) -> Vec<u8> {
    boxed(b"mvhd", &[words(&[0, 0, 0, timescale, duration]), vec![0; 80]].concat())
}

fn trak(handler: &[u8; 4], (a, b): (u32, u32), (width, height): (u32, u32)) -> Vec<u8> {
    let tkhd = [vec![0; 40], words(&[a, b, 0, 0, 0, 0, 0, 0, 0]), words(&[width << 16, height << 16])].concat();
    let hdlr = [&[0; 8], handler.as_slice(), &[0; 13]].concat();
    let mdia = [boxed(b"mdhd", &[0; 24]), boxed(b"hdlr", &hdlr), boxed(b"minf", &[7; 5000])].concat();
    boxed(b"trak", &[boxed(b"tkhd", &tkhd), boxed(b"edts", &[0; 28]), boxed(b"mdia", &mdia)].concat())
}

const UPRIGHT: (u32, u32) = (IDENTITY, 0);

fn moov(more: &[u8]) -> Vec<u8> {
    let sound = trak(b"soun", UPRIGHT, (0, 0));
    let pictures = trak(b"vide", UPRIGHT, (640, 360));
    boxed(b"moov", &[&mvhd(1000, 40_040), &sound, &pictures, more].concat())
}

fn ftyp() -> Vec<u8> {
    boxed(b"ftyp", b"isom\0\0\x02\0isom")
}

/// Gives the walk what it wants, and counts how often; no range is outside the file, empty, or larger than it may be.
fn walked(file: &[u8]) -> (Movie, u32) {
    let (mut walk, mut looks) = (Walk::over(file.len() as u64), 0);
    while let Some(range) = walk.wants() {
        assert!(range.start < range.end && range.end <= file.len() as u64 && range.end - range.start <= LOOK);
        walk.look(&file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]);
        looks += 1;
        assert!(looks <= MAX_BOXES);
    }
    (walk.movie(), looks)
}

const EXPECTED: Movie = Movie { milliseconds: Some(40_040), dimensions: Some((640, 360)), index_first: Some(true) };

#[test]
fn an_index_in_front_tells_all() {
    let file = [ftyp(), moov(&[]), boxed(b"mdat", &[7; 10_000])].concat();
    assert!(is_one(&file));
    assert_eq!(walked(&file).0, EXPECTED);
}

#[test]
fn an_index_behind_the_media_tells_the_same() {
    let free = boxed(b"free", &[]);
    let large = [words(&[1]), b"mdat".to_vec(), words(&[0, 16 + 10_000]), vec![7; 10_000]].concat();
    for media in [boxed(b"mdat", &[7; 10_000]), large] {
        let file = [ftyp(), free.clone(), media, moov(&[]), boxed(b"udta", &[0; 50])].concat();
        let (movie, looks) = walked(&file);
        assert_eq!(movie, Movie { index_first: Some(false), ..EXPECTED });
        assert!(looks < 30, "{looks}: media and sample tables are stepped over");
    }
}

#[test]
fn the_sample_of_the_repository_is_read_right() {
    let sample = include_bytes!("../../../../../deploy/standalone/assets/sample.mp4");
    assert_eq!(walked(sample).0, Movie { milliseconds: Some(10_000), ..EXPECTED });
}

#[test]
fn a_film_turned_by_a_phone_has_the_dimensions_that_are_seen() {
    for (matrix, expected) in [
        ((0, IDENTITY), (360, 640)),
        ((0, IDENTITY.wrapping_neg()), (360, 640)),
        ((IDENTITY.wrapping_neg(), 0), (640, 360)),
    ] {
        let file = boxed(b"moov", &[mvhd(1, 1), trak(b"vide", matrix, (640, 360))].concat());
        assert_eq!(walked(&file).0.dimensions, Some(expected), "{matrix:?}");
    }
}

#[test]
fn the_first_pictures_count_and_sound_has_none() {
    let two = [trak(b"vide", UPRIGHT, (1, 2)), trak(b"vide", UPRIGHT, (3, 4))].concat();
    assert_eq!(walked(&boxed(b"moov", &two)).0.dimensions, Some((1, 2)));
    let none = [trak(b"soun", UPRIGHT, (1, 2)), trak(b"vide", UPRIGHT, (0, 0))].concat();
    assert_eq!(walked(&boxed(b"moov", &none)).0.dimensions, None);
}

#[test]
fn a_version_of_64_bits_is_read_too() {
    let long = [words(&[1 << 24, 0, 0, 0, 0, 90_000]), 18_000_000_000_u64.to_be_bytes().to_vec(), vec![0; 80]].concat();
    assert_eq!(walked(&boxed(b"moov", &boxed(b"mvhd", &long))).0.milliseconds, Some(200_000_000));
}

#[test]
fn fragments_say_how_long_they_are_together() {
    let mehd = boxed(b"mvex", &boxed(b"mehd", &words(&[0, 7_000])));
    let file = [ftyp(), boxed(b"moov", &[mvhd(1000, 0), mehd].concat()), boxed(b"moof", &[0; 100])].concat();
    assert_eq!(walked(&file).0, Movie { milliseconds: Some(7_000), index_first: Some(true), ..Movie::default() });
}

#[test]
fn a_duration_that_is_none_is_not_told() {
    for (timescale, duration) in [(0, 5), (1000, 0), (1000, u32::MAX), (u32::MAX, 1)] {
        assert_eq!(walked(&boxed(b"moov", &mvhd(timescale, duration))).0.milliseconds, None, "{timescale} {duration}");
    }
}

#[test]
fn what_was_cut_tells_what_is_left_of_it() {
    let whole = [ftyp(), moov(&[]), boxed(b"mdat", &[7; 1000])].concat();
    for end in 0..whole.len() {
        let movie = walked(&whole[..end]).0;
        assert!(movie.milliseconds.is_none() || movie.milliseconds == EXPECTED.milliseconds, "{end}");
        assert!(movie.dimensions.is_none() || movie.dimensions == EXPECTED.dimensions, "{end}");
    }
}

#[test]
fn boxes_without_end_are_given_up() {
    let (_, looks) = walked(&boxed(b"free", &[]).repeat(100_000));
    assert_eq!(looks, MAX_BOXES);
    for size in [2, 7] {
        assert_eq!(
            walked(&[words(&[size]), b"moov".to_vec(), vec![0; 100]].concat()).1,
            1,
            "a box shorter than its header"
        );
    }
}

#[test]
fn a_picture_and_a_text_have_no_index() {
    let heic = [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), boxed(b"meta", &[0; 100]), boxed(b"mdat", &[0; 100])].concat();
    assert_eq!(walked(&heic).0, Movie { index_first: None, ..Movie::default() });
    assert!(!is_one(b"hello") && !is_one(b"") && !is_one(b"moov...."));
}

/// Files that look right at first: boxes of known kinds with any sizes and contents.
fn nearly_an_mp4() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec![
        b"ftyp", b"moov", b"trak", b"mdia", b"tkhd", b"mvhd", b"hdlr", b"mvex", b"mehd", b"mdat",
    ]);
    let sizes = prop_oneof![0..200_u32, any::<u32>(), Just(1)];
    let piece = (sizes, kinds, prop::collection::vec(any::<u8>(), 0..150));
    let pieces = prop::collection::vec(piece, 0..20);
    pieces.prop_map(|pieces| {
        let bytes =
            |(size, kind, content): (u32, &[u8; 4], Vec<u8>)| [&size.to_be_bytes(), kind.as_slice(), &content].concat();
        pieces.into_iter().flat_map(bytes).collect()
    })
}

proptest! {
    #[test]
    fn any_bytes_are_walked_within_bounds(file in prop::collection::vec(any::<u8>(), 0..4000)) {
        walked(&file);
    }

    #[test]
    fn nearly_right_files_are_walked_within_bounds(file in nearly_an_mp4()) {
        walked(&file);
    }

    #[test]
    fn one_changed_byte_is_walked_within_bounds(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut file = [ftyp(), moov(&[]), boxed(b"mdat", &[7; 100])].concat();
        let at = at.index(file.len());
        file[at] = byte;
        walked(&file);
    }

    #[test]
    fn a_file_as_large_as_can_be_said_overflows_nothing(sizes in prop::collection::vec(any::<u64>(), 1..20)) {
        let mut walk = Walk::over(u64::MAX);
        for size in sizes {
            let Some(range) = walk.wants() else { break };
            prop_assert!(range.end - range.start <= LOOK);
            walk.look(&[words(&[1]), b"free".to_vec(), size.to_be_bytes().to_vec()].concat());
        }
    }
}
