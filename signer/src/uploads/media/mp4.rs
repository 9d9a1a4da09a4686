//! The boxes of an MP4 or QuickTime file (ISO/IEC 14496-12), as far as they say how long it is, how large, and whether
//! a player can start before it has the file's end.
//!
//! [`Walk`] reads nothing itself: it says which bytes it wants next, at most 128 of them, and learns from them. Sample
//! tables and media are stepped over, so an index of any size costs a few small reads.

use std::ops::Range;

/// Covers the longest header with the longest table that is looked at: `tkhd`, version 1.
const LOOK: u64 = 128;
/// No honest index has so many in what is looked at.
const MAX_BOXES: u32 = 4096;
/// What a file of this kind may begin with. QuickTime's older ones have no `ftyp`.
const FIRST: [&[u8; 4]; 8] = [b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot"];
/// A matrix of a track: a and b are its first two numbers, in 16.16.
const IDENTITY: u32 = 1 << 16;

/// What is known of a film. `None` is what its boxes do not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Movie {
    /// Never 0.
    pub(super) milliseconds: Option<u64>,
    /// Width and height in pixels as they are shown, which a phone's rotation swaps.
    pub(super) dimensions: Option<(u32, u32)>,
    /// Whether the index comes before any media.
    pub(super) index_first: Option<bool>,
}

/// A box that was entered.
#[derive(Debug, Clone, Copy)]
struct Open {
    kind: [u8; 4],
    end: u64,
}

/// A way through the boxes.
#[derive(Debug)]
pub(super) struct Walk {
    at: u64,
    size: u64,
    open: Vec<Open>,
    boxes_left: u32,
    media_seen: bool,
    /// Units a second of every duration in the index.
    timescale: u32,
    /// Of the track that is being looked at.
    track: Option<(u32, u32)>,
    movie: Movie,
}

/// Whether a file that begins like this has boxes.
pub(super) fn is_one(head: &[u8]) -> bool {
    head.get(4..8).is_some_and(|kind| FIRST.iter().any(|first| *first == kind))
}

impl Walk {
    /// Over a file of so many bytes.
    pub(super) fn over(size: u64) -> Self {
        Self {
            at: 0,
            size,
            open: Vec::new(),
            boxes_left: MAX_BOXES,
            media_seen: false,
            timescale: 0,
            track: None,
            movie: Movie::default(),
        }
    }

    /// Which bytes it goes on with; `None` at its end.
    pub(super) fn wants(&self) -> Option<Range<u64>> {
        let end = self.open.last().map_or(self.size, |open| open.end);
        let is_over = self.boxes_left == 0 || end.checked_sub(self.at)? < 8;
        (!is_over).then(|| self.at..self.size.min(self.at.saturating_add(LOOK)))
    }

    /// Learns from the bytes that it wanted.
    pub(super) fn look(&mut self, bytes: &[u8]) {
        self.boxes_left = self.boxes_left.saturating_sub(1);
        let end = self.open.last().map_or(self.size, |open| open.end);
        let Some(Header { kind, length, size }) = Header::read(bytes, end - self.at) else { return self.stop() };
        let within = self.open.last().map(|open| open.kind);
        let (inside, behind) = (self.at + length, self.at + size);
        let payload = usize::try_from(length).ok().and_then(|length| bytes.get(length..)).unwrap_or_default();
        match (within.as_ref(), &kind) {
            (None, b"mdat") => self.media_seen = true,
            (None, b"moov") => self.movie.index_first = Some(!self.media_seen),
            (Some(b"moov"), b"trak") => self.track = None,
            (Some(b"moov"), b"mvhd") => self.header(payload),
            (Some(b"mvex"), b"mehd") => self.fragments(payload),
            (Some(b"trak"), b"tkhd") => self.track = dimensions(payload),
            (Some(b"mdia"), b"hdlr") => self.handler(payload),
            _ => {}
        }
        let is_entered = matches!(
            (within.as_ref(), &kind),
            (None, b"moov") | (Some(b"moov"), b"trak" | b"mvex") | (Some(b"trak"), b"mdia")
        );
        self.at = if is_entered { inside } else { behind };
        if is_entered {
            self.open.push(Open { kind, end: behind });
        }
        self.leave();
    }

    /// What was learnt.
    pub(super) fn movie(self) -> Movie {
        self.movie
    }

    /// Out of every box that ends here. Behind the index there is nothing more to learn.
    fn leave(&mut self) {
        while let Some(open) = self.open.pop_if(|open| open.end <= self.at) {
            if &open.kind == b"moov" {
                self.stop();
            }
        }
    }

    fn stop(&mut self) {
        self.boxes_left = 0;
    }

    /// `mvhd`, section 8.2.2.
    fn header(&mut self, payload: &[u8]) {
        let (timescale, duration) = match payload.first() {
            Some(0) => (word(payload, 12), word(payload, 16).filter(|units| *units != u32::MAX).map(u64::from)),
            Some(1) => (word(payload, 20), long(payload, 24).filter(|units| *units != u64::MAX)),
            _ => (None, None),
        };
        self.timescale = timescale.unwrap_or_default();
        self.lasts(duration);
    }

    /// `mehd`, section 8.8.2: the duration of all fragments.
    fn fragments(&mut self, payload: &[u8]) {
        let duration = match payload.first() {
            Some(0) => word(payload, 4).map(u64::from),
            Some(1) => long(payload, 4),
            _ => None,
        };
        if self.movie.milliseconds.is_none() {
            self.lasts(duration);
        }
    }

    fn lasts(&mut self, units: Option<u64>) {
        let milliseconds = |units: u64| (u128::from(units) * 1000).checked_div(self.timescale.into());
        let milliseconds = units.and_then(milliseconds).and_then(|number| u64::try_from(number).ok());
        self.movie.milliseconds = milliseconds.filter(|number| *number > 0);
    }

    /// `hdlr`, section 8.4.3: the first track that shows pictures tells their size.
    fn handler(&mut self, payload: &[u8]) {
        if payload.get(8..12) == Some(b"vide") {
            self.movie.dimensions = self.movie.dimensions.or(self.track);
        }
    }
}

/// `tkhd`, section 8.3.2: a matrix, and a size in 16.16 that it is applied to.
fn dimensions(payload: &[u8]) -> Option<(u32, u32)> {
    let matrix = match payload.first()? {
        0 => 40,
        1 => 52,
        _ => return None,
    };
    let (a, b) = (word(payload, matrix)?, word(payload, matrix + 4)?);
    let (width, height) = (word(payload, matrix + 36)? >> 16, word(payload, matrix + 40)? >> 16);
    let is_turned = a == 0 && (b == IDENTITY || b == IDENTITY.wrapping_neg());
    let shown = if is_turned { (height, width) } else { (width, height) };
    (width > 0 && height > 0).then_some(shown)
}

/// A box's header, section 4.2.
struct Header {
    kind: [u8; 4],
    /// Bytes of the header itself.
    length: u64,
    /// Bytes of the whole box, no more than are left.
    size: u64,
}

impl Header {
    /// `left` is what its parent still holds. A box that says it is shorter than its header is none; one that says it is
    /// longer than what is left was cut, and ends there.
    fn read(bytes: &[u8], left: u64) -> Option<Self> {
        let kind = *bytes.get(4..)?.first_chunk()?;
        let (length, size) = match word(bytes, 0)? {
            0 => (8, left),
            1 => (16, long(bytes, 8)?),
            size => (8, u64::from(size)),
        };
        (size >= length && left >= length).then_some(Self { kind, length, size: size.min(left) })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests;
