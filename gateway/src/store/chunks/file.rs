//! A chunk's file: its bytes, then a trailer that says whose they are and what they must sum up to. A file that was
//! torn, cut or changed shows, so that nothing has to be synced.

use super::name::ChunkId;
use bytes::Bytes;
use proto::id::FileId;
use rustix::{
    fs::{FallocateFlags, OFlags, fallocate, fstat},
    io::{Errno, pread, pwritev},
};
use std::{
    fs,
    hash::Hasher,
    io::{self, IoSlice},
    ops::Range,
    os::fd::OwnedFd,
    path::Path,
    sync::Arc,
};
use twox_hash::XxHash3_64;

/// Bytes of a trailer.
pub(super) const TRAILER: u64 = LAYOUT.end as u64;

const MAGIC: &[u8; 8] = b"t2mchnk3";
/// The longest file id of the contract.
const FILE_ID: usize = 128;

/// Where the trailer's own sum lies, behind all else.
const LAYOUT: Range<usize> = 8 + 8 + 8 + 8 + 32 + 8 + 8 + FILE_ID..8 + 8 + 8 + 8 + 32 + 8 + 8 + FILE_ID + 8;

/// What stands behind a chunk's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) id: ChunkId,
    /// The catalog's id of the file that the chunk is a part of.
    pub(super) file: FileId,
    /// Bytes before the trailer.
    pub(super) length: u64,
    /// XXH3, in 64 bits, of the bytes from `begin` on, then of those before it: the order in which they came. It is there
    /// against disks, not against people, and two to three times as fast as a CRC by the processor's instructions.
    pub(super) sum: u64,
    pub(super) begin: u64,
}

impl Trailer {
    fn to_bytes(&self) -> [u8; TRAILER as usize] {
        let mut bytes = Vec::with_capacity(TRAILER as usize);
        bytes.extend_from_slice(MAGIC);
        for number in [self.length, self.sum, self.begin] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(self.id.object.bytes());
        bytes.extend_from_slice(&u64::from(self.id.index).to_le_bytes());
        bytes.extend_from_slice(&(self.file.as_str().len() as u64).to_le_bytes());
        bytes.extend_from_slice(self.file.as_str().as_bytes());
        bytes.resize(LAYOUT.start, 0);
        bytes.extend_from_slice(&XxHash3_64::oneshot(&bytes).to_le_bytes());
        bytes.try_into().expect("the layout's length")
    }

    /// `None` for anything that [`Trailer::to_bytes`] does not make of this chunk.
    fn parse(bytes: &[u8; TRAILER as usize], id: ChunkId) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let file = bytes.get(80..80 + usize::try_from(number(72)?).ok().filter(|length| *length <= FILE_ID)?)?;
        let file = std::str::from_utf8(file).ok()?.parse().ok()?;
        let trailer = Self { id, file, length: number(8)?, sum: number(16)?, begin: number(24)? };
        (trailer.to_bytes() == *bytes && trailer.begin <= trailer.length).then_some(trailer)
    }
}

/// Why a file is not a chunk that can be served.
#[derive(Debug)]
pub(super) enum Unusable {
    /// There is none.
    Gone,
    /// Its bytes are not the ones that were written.
    Corrupt,
    /// The disk does not say.
    Disk(io::Error),
}

impl From<Errno> for Unusable {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Self::Gone,
            error => Self::Disk(error.into()),
        }
    }
}

/// Opens a chunk's file. Its size must be right; its bytes are not looked at.
pub(super) fn open(path: &Path, length: u64) -> Result<OwnedFd, Unusable> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty())?;
    let size = u64::try_from(fstat(&file)?.st_size).unwrap_or(0);
    if size == length + TRAILER { Ok(file) } else { Err(Unusable::Corrupt) }
}

/// Whether an open file still has all its bytes: cut under us, it would end a body before its length.
pub(super) fn is_uncut(file: &OwnedFd, length: u64) -> bool {
    fstat(file).is_ok_and(|stat| u64::try_from(stat.st_size) == Ok(length + TRAILER))
}

/// The trailer of a file of this size.
pub(super) fn trailer(file: &OwnedFd, id: ChunkId, size: u64) -> Result<Trailer, Unusable> {
    let length = size.checked_sub(TRAILER).ok_or(Unusable::Corrupt)?;
    let mut bytes = [0; TRAILER as usize];
    if pread(file, &mut bytes, length)? != bytes.len() {
        return Err(Unusable::Corrupt);
    }
    Trailer::parse(&bytes, id).filter(|trailer| trailer.length == length).ok_or(Unusable::Corrupt)
}

/// Reads all of a chunk and compares it with its sum.
pub(super) fn verify(file: &OwnedFd, trailer: &Trailer) -> Result<(), Unusable> {
    let mut sum = XxHash3_64::new();
    let mut buffer = vec![0; 256 * 1024];
    for mut left in [trailer.begin..trailer.length, 0..trailer.begin] {
        while !left.is_empty() {
            let wanted = usize::try_from(left.end - left.start).unwrap_or(usize::MAX).min(buffer.len());
            let read = pread(file, &mut buffer[..wanted], left.start)?;
            if read == 0 {
                return Err(Unusable::Corrupt);
            }
            sum.write(&buffer[..read]);
            left.start += read as u64;
        }
    }
    if sum.finish() == trailer.sum { Ok(()) } else { Err(Unusable::Corrupt) }
}

/// Takes the room on the disk in one go: cheaper than block by block, and a full disk shows before a byte is written.
pub(super) fn reserve(file: &OwnedFd, length: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, length + TRAILER) {
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A chunk being written, in the order in which its bytes come: from `begin` to its end, then from its start.
pub(super) struct Writer {
    pub(super) file: Arc<OwnedFd>,
    sum: XxHash3_64,
    length: u64,
    begin: u64,
    written: u64,
}

impl Writer {
    pub(super) fn new(file: OwnedFd, length: u64, begin: u64) -> Self {
        Self { file: Arc::new(file), sum: XxHash3_64::new(), length, begin, written: 0 }
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes the next bytes. They do not reach beyond the end that comes first.
    pub(super) fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        let at = (self.begin + self.written) % self.length;
        let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        write_all(&self.file, &mut slices, at)?;
        for piece in pieces {
            self.sum.write(piece);
            self.written += piece.len() as u64;
        }
        Ok(())
    }

    /// Behind the last byte: with its trailer the file is whole.
    pub(super) fn finish(&self, id: ChunkId, file: &FileId) -> io::Result<()> {
        let (length, begin) = (self.length, self.begin);
        let trailer = Trailer { id, file: file.clone(), length, sum: self.sum.finish(), begin };
        write_all(&self.file, &mut [IoSlice::new(&trailer.to_bytes())], length)
    }
}

fn write_all(file: &OwnedFd, mut left: &mut [IoSlice<'_>], mut at: u64) -> io::Result<()> {
    while !left.is_empty() {
        match pwritev(file, left, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                IoSlice::advance_slices(&mut left, written);
                at += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Removes a file. One that is gone already is what was wanted.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, "a chunk's file stays");
    }
}
