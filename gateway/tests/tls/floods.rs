//! Frames by the thousand that ask for nothing (A15): the connection ends or goes on, and memory stays.

use crate::{
    gateway_and_file,
    harness::{
        self, Ended, File, Frame, Frames, Gateway, PATIENCE, bytes,
        frames::{
            ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE,
            PING, SETTINGS, field, head,
        },
    },
};

/// What a flood may cost for as long as its connection lasts.
const COST: u64 = 16 << 20;

fn plain(gateway: &Gateway) -> Frames {
    gateway.frames(&Frame::setting(INITIAL_WINDOW_SIZE, 65_535))
}

/// Sends a flood, and says how the gateway ended it, if it did: with which error code.
#[track_caller]
fn flood(gateway: &Gateway, frames: &mut Frames, flood: &[u8], times: usize) -> Option<u32> {
    let before = gateway.memory();
    for _ in 0..times {
        frames.send_bytes(flood);
        let (seen, ended) = frames.until(std::time::Duration::from_millis(1), |frame| frame.kind == GOAWAY);
        let code = seen.iter().find(|frame| frame.kind == GOAWAY).map(Frame::error_code);
        if code.is_some() || matches!(ended, Some(Ended::Closed | Ended::Reset)) {
            return code;
        }
        let cost = gateway.memory().saturating_sub(before);
        assert!(cost < COST, "{cost} bytes more");
    }
    None
}

/// The error code of the GOAWAY that is still to come; `None` if the connection ends without one.
fn awaited_end(frames: &mut Frames) -> Option<u32> {
    let (seen, _) = frames.until(PATIENCE, |frame| frame.kind == GOAWAY);
    seen.iter().find(|frame| frame.kind == GOAWAY).map(Frame::error_code)
}

#[track_caller]
fn assert_calmed(gateway: &Gateway, frames: &mut Frames, bytes: &[u8], times: usize) {
    let code = flood(gateway, frames, bytes, times).or_else(|| awaited_end(frames));
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    let (_, ended) = frames.until(PATIENCE, |_| false);
    assert_ne!(ended, Some(Ended::Open), "the connection is closed behind the GOAWAY");
    gateway.assert_unharmed();
}

/// It may go on, as long as others do too.
#[track_caller]
fn assert_borne(gateway: &Gateway, file: &File, frames: Frames) {
    gateway.http2().answer(&gateway.get(&file.url())).assert_whole(&file.bytes);
    drop(frames);
    gateway.assert_unharmed();
}

#[test]
fn rapid_reset_is_calmed() {
    let (gateway, file) = gateway_and_file();
    let mut frames = plain(&gateway);
    let request = gateway.get(&file.url());
    let resets = (0..300).flat_map(|n| [Frame::request(2 * n + 1, &request), Frame::reset(2 * n + 1)]);
    assert_calmed(&gateway, &mut frames, &resets.flat_map(|frame| frame.to_bytes()).collect::<Vec<_>>(), 1);
}

#[test]
fn errors_that_make_us_reset_are_calmed() {
    let (gateway, file) = gateway_and_file();
    let mut frames = plain(&gateway);
    // A window larger than any may be is an error of the stream's own (RFC 9113 section 6.9.1).
    let request = gateway.get(&file.url());
    let errors =
        (0..300).flat_map(|n| [Frame::request(2 * n + 1, &request), Frame::window_update(2 * n + 1, (1 << 31) - 1)]);
    let bytes: Vec<_> = errors.flat_map(|frame| frame.to_bytes()).collect();
    let code = flood(&gateway, &mut frames, &bytes, 1).or_else(|| awaited_end(&mut frames));
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    drop(frames);
    gateway.assert_unharmed();
}

#[test]
fn a_head_of_endless_continuations_is_calmed() {
    let (gateway, _) = gateway_and_file();
    let mut frames = plain(&gateway);
    frames.send(&[Frame::new(HEADERS, END_STREAM, 1, &field("x", "y"))]);
    let more = Frame::new(CONTINUATION, 0, 1, &field("x", "y")).to_bytes().repeat(1_000);
    assert_calmed(&gateway, &mut frames, &more, 1_000);
}

#[test]
fn a_head_larger_than_the_bound_is_431() {
    let (gateway, file) = gateway_and_file();
    let mut frames = plain(&gateway);
    let large = [head(&gateway.get(&file.url())), field("x-large", &"x".repeat(17 << 10))].concat();
    let (first, rest) = large.split_at(16_000);
    frames.send(&[Frame::new(HEADERS, END_STREAM, 1, first), Frame::new(CONTINUATION, END_HEADERS, 1, rest)]);
    let (seen, _) = frames.until(PATIENCE, |frame| frame.stream == 1 || frame.kind == GOAWAY);
    let answer = seen.last().expect("a frame");
    // `:status: 431`, in Huffman's code (RFC 7541 appendices A and B).
    const STATUS_431: [u8; 5] = [0x48, 0x83, 0x69, 0x90, 0xff];
    assert!(answer.kind == HEADERS && answer.payload.starts_with(&STATUS_431), "{answer:?}");
    drop(frames);
    gateway.assert_unharmed();
}

#[test]
fn settings_pings_and_empty_data_by_the_thousand_cost_no_memory() {
    let (gateway, file) = gateway_and_file();
    let setting = Frame::setting(INITIAL_WINDOW_SIZE, 65_535);
    let ping = Frame::new(PING, 0, 0, &[1; 8]);
    let acknowledged = Frame::new(SETTINGS, ACK, 0, &[]);
    for frame in [setting, ping, acknowledged] {
        let mut frames = plain(&gateway);
        flood(&gateway, &mut frames, &frame.to_bytes().repeat(1_000), 30);
        assert_borne(&gateway, &file, frames);
    }
    let mut frames = plain(&gateway);
    frames.send(&[Frame::new(HEADERS, END_HEADERS, 1, &head(&gateway.get(&file.url())))]);
    flood(&gateway, &mut frames, &Frame::new(DATA, 0, 1, &[]).to_bytes().repeat(1_000), 30);
    assert_borne(&gateway, &file, frames);
}

#[test]
fn settings_that_are_never_read_are_not_answered_without_end() {
    let (gateway, file) = gateway_and_file();
    let mut frames = plain(&gateway);
    let before = gateway.memory();
    let flood = Frame::new(PING, 0, 0, &[1; 8]).to_bytes().repeat(1_000);
    // Nothing is read here: once the kernel holds no more answers, nothing more is taken either.
    for _ in 0..20 {
        frames.send_bytes(&flood);
    }
    assert!(gateway.memory().saturating_sub(before) < COST);
    assert_borne(&gateway, &file, frames);
}

#[test]
fn a_window_of_one_byte_gets_one_byte_at_a_time() {
    let gateway = harness::setup().tls().start();
    let file = gateway.store("film.mp4", &bytes(1 << 20));
    let before = gateway.memory();
    let mut frames = gateway.frames(&Frame::setting(INITIAL_WINDOW_SIZE, 1));
    let requests: Vec<_> = (0..100).map(|n| Frame::request(2 * n + 1, &gateway.get(&file.url()))).collect();
    frames.send(&requests);
    for at in 0..20 {
        let (seen, ended) = frames.until(PATIENCE, |frame| frame.kind == DATA && frame.stream == 1);
        assert_eq!(ended, None);
        assert_eq!(seen.last().expect("a frame").payload, file.bytes[at..=at]);
        frames.send(&[Frame::window_update(1, 1)]);
    }
    let cost = gateway.memory().saturating_sub(before);
    assert!(cost < COST, "{cost} bytes for 100 streams");
    drop(frames);
    gateway.assert_unharmed();
}

#[test]
fn more_streams_than_the_bound_are_refused_and_the_others_go_on() {
    let gateway = harness::setup().tls().start();
    let file = gateway.store("film.mp4", &bytes(1 << 20));
    let mut frames = gateway.frames(&Frame::setting(INITIAL_WINDOW_SIZE, 1));
    let requests: Vec<_> = (0..101).map(|n| Frame::request(2 * n + 1, &gateway.get(&file.url()))).collect();
    frames.send(&requests);
    const REFUSED_STREAM: u32 = 7;
    let (seen, ended) = frames.until(PATIENCE, |frame| frame.kind == harness::frames::RST_STREAM);
    assert_eq!(ended, None);
    let last = seen.last().expect("a frame");
    assert_eq!((last.stream, last.error_code()), (201, REFUSED_STREAM));
    drop(frames);
    gateway.assert_unharmed();
}
