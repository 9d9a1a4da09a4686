use super::*;
use proptest::prelude::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 ";
const MP4: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isommp41";
const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
const GP3: &[u8] = b"\0\0\0\x14ftyp3gp5\0\0\0\0\x33gp4";
const MOV: &[u8] = b"\0\0\0\x08wide\0\x01\0\0mdat\0\0";
const WEBM: &[u8] = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01";
const OGG: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0";
const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0";
const WAV: &[u8] = b"RIFF\x24\0\0\0WAVEfmt \x10\0";
const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0";
const ELF: &[u8; 64] = &{
    let (mut head, start) = ([0; 64], *b"\x7fELF\x02\x01\x01");
    head.split_at_mut(start.len()).0.copy_from_slice(&start);
    head
};
const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0";
const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
const WOFF2: &[u8] = b"wOF2\0\x01\0\0\0\0";
const HTML: &[u8] = b"\n<!DOCTYPE html><script>alert(1)</script>";
const SVG_BARE: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'/>";
const XML: &[u8] = b"<?xml version='1.0'?><a/>";
const SCRIPT: &[u8] = b"#!/bin/sh\nrm -r .\n";
const HELLO: &[u8] = b"hello";

#[test]
fn what_bytes_certainly_are_not_is_found() {
    for (declared, bytes) in [
        ("video/mp4", PNG),
        ("video/mp4", ZIP),
        ("video/mp4", ELF),
        ("video/mp4", EXE),
        ("video/mp4", HTML),
        ("video/mp4", WEBM),
        ("video/mp4", MP3),
        ("Video/MP4; codecs=\"avc1\"", PDF),
        ("video/webm", MP4),
        ("video/mp2t", PNG),
        ("video/x-anything", HTML),
        ("video/x-anything", SCRIPT),
        ("audio/mpeg", MP4),
        ("audio/mpeg", WAV),
        ("audio/ogg", MP3),
        ("audio/x-anything", JPEG),
        ("image/png", JPEG),
        ("image/jpeg", WEBP),
        ("image/png", MP4),
        ("image/png", SVG_BARE),
        ("image/avif", HTML),
        ("image/gif", XML),
        ("image/svg+xml", PNG),
        ("text/plain", PNG),
        ("text/plain; charset=utf-8", MP4),
        ("text/vtt", GZIP),
        ("text/html", ELF),
        ("application/json", ZIP),
        ("application/vnd.apple.mpegurl", HTML),
        ("audio/mpegurl", PNG),
        ("application/pdf", HTML),
        ("application/pdf", ZIP),
        ("application/zip", PDF),
        ("font/woff2", HTML),
    ] {
        assert!(contradiction(declared, bytes).is_some(), "{declared} {:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn what_bytes_may_be_stays_as_it_was_declared() {
    for (declared, bytes) in [
        ("video/mp4", MP4),
        ("video/mp4", GP3),
        ("video/mp4", MOV),
        ("video/quicktime", MP4),
        ("video/3gpp", GP3),
        ("audio/mp4", MP4),
        ("image/heic", HEIC),
        ("image/avif", HEIC),
        ("video/x-anything", MP4),
        ("video/webm", WEBM),
        ("audio/webm", WEBM),
        ("video/x-matroska", WEBM),
        ("audio/ogg", OGG),
        ("video/ogg", OGG),
        ("audio/flac", OGG),
        ("audio/mpeg", MP3),
        ("audio/aac", MP3),
        ("audio/flac", MP3),
        ("audio/wav", WAV),
        ("image/png", PNG),
        ("image/apng", PNG),
        ("image/x-camera", JPEG),
        ("image/svg+xml", XML),
        ("image/svg+xml", SVG_BARE),
        ("image/svg+xml", GZIP),
        ("image/svg+xml", HTML),
        ("text/html", XML),
        ("text/plain", HTML),
        ("text/javascript", SCRIPT),
        ("application/x-sh", SCRIPT),
        ("application/dash+xml", XML),
        ("application/pdf", PDF),
        ("application/epub+zip", ZIP),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP),
        ("application/msword", HTML),
        ("application/x-msdownload", EXE),
        ("application/octet-stream", PNG),
        ("model/3mf", ZIP),
        ("font/woff2", WOFF2),
        ("nonsense", PNG),
    ] {
        assert_eq!(contradiction(declared, bytes), None, "{declared} {:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn bytes_that_say_nothing_for_certain_contradict_nothing() {
    for bytes in [
        HELLO,
        b"",
        b"\0",
        b"BM, a car maker",
        b"MZ is how it begins",
        b"BZh and so on",
        b"GIF89a in words",
        b"a %PDF-1.7",
    ] {
        for declared in ["video/mp4", "text/plain", "image/png", "application/json"] {
            assert_eq!(contradiction(declared, bytes), None, "{declared} {:?}", String::from_utf8_lossy(bytes));
        }
    }
}

#[test]
fn who_is_told_is_told_what_it_is() {
    assert_eq!(contradiction("video/mp4", PNG), Some("a PNG image"));
    assert_eq!(contradiction("video/mp4", WEBM), Some("a Matroska container"));
    assert_eq!(contradiction("video/mp4", ELF), Some("application/x-executable"));
}

#[test]
fn no_type_stands_in_a_family_twice_and_all_are_lower_case() {
    for family in FAMILIES {
        let mut types = family.types.to_vec();
        types.dedup();
        assert_eq!(types.len(), family.types.len(), "{}", family.name);
        assert!(types.iter().all(|text| *text == text.to_ascii_lowercase() && text.contains('/')), "{}", family.name);
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(start in prop::sample::select(vec![
        PNG, MP4, WEBM, ZIP, PDF, HTML, b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x50\x2a\x4d\x18", b"",
    ]), rest in prop::collection::vec(any::<u8>(), 0..600)) {
        let bytes = [start, &rest].concat();
        for declared in ["video/mp4", "text/plain", "", "/", "é"] {
            contradiction(declared, &bytes);
        }
    }
}
