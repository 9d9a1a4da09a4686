//! One range of an object, chunk by chunk, from wherever each of them is.

use super::{
    Begun, ChunkId, Object, file,
    fill::{Failure, Ticket},
    index::{Chunk, Entry},
    upkeep::Opened,
};
use crate::store::{Part, ReadError, Source, StorageError, bucket::FRUITLESS, pages::Pages, windows};
use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes that are asked for at once, at most, for a reader that goes on reading or has named its last byte.
const LONGEST_STRETCH: u64 = 8 << 20;

/// In chunks of this size.
fn longest_stretch(chunk: u64) -> u64 {
    (LONGEST_STRETCH / chunk).max(1)
}

/// What is left of a range, and where its next bytes are.
pub(crate) struct Reader {
    object: Object,
    left: Range<u64>,
    at: At,
    /// Of the bytes there.
    source: Source,
    /// The next chunks that are on their way on this reader's account, in order.
    ahead: VecDeque<Ticket>,
    /// How many are to be begun at once the next time.
    stretch: u64,
    /// Failures in a row that brought nothing.
    fruitless: usize,
    /// The next chunk is to be begun once something of this one has come.
    is_alone: bool,
    /// The chunk that was looked for in the folder, because the index may not know of it yet.
    looked_for: Option<u32>,
}

/// Where the next bytes are.
enum At {
    /// Not looked for yet.
    Between,
    /// In a file that is whole; of a chunk of the index, or of a fill that has ended.
    Kept(Option<Arc<Chunk>>, Pages),
    /// A chunk's file, or one that the index does not know of yet.
    Opening(Option<Arc<Chunk>>, JoinHandle<Opened>),
    Filling(Ticket),
    /// The rest of the range comes from the bucket alone.
    Uncached(windows::Reader),
}

impl Reader {
    pub(super) fn new(object: Object, range: Range<u64>) -> Self {
        // Whoever names a last byte wants it; whoever asks for all the rest may leave at any moment.
        let is_named = range.end < object.version.origin.size;
        let stretch = if is_named { longest_stretch(object.chunks.chunk) } else { 1 };
        Self {
            object,
            left: range,
            at: At::Between,
            source: Source::Origin,
            ahead: VecDeque::new(),
            stretch,
            fruitless: 0,
            is_alone: true,
            looked_for: None,
        }
    }

    pub(super) async fn start(object: Object, range: Range<u64>) -> Result<Self, StorageError> {
        let mut reader = Self::new(object, range);
        match poll_fn(|cx| reader.poll_promised(cx)).await {
            Ok(()) => {
                reader.read_ahead();
                Ok(reader)
            }
            Err(Failure::Origin(error)) => Err(error),
            Err(Failure::Disk | Failure::Abandoned) => {
                let origin = reader.object.origin();
                reader.at = At::Uncached(windows::Reader::start(origin, reader.left.clone()).await?);
                reader.source = Source::Origin;
                Ok(reader)
            }
        }
    }

    /// Ready once the first bytes are there or promised.
    fn poll_promised(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            match &mut self.at {
                At::Between => {
                    if !self.look_up() {
                        return Poll::Ready(Err(Failure::Disk));
                    }
                }
                At::Kept(..) => {
                    self.object.chunks.confirm(&self.object.version);
                    return Poll::Ready(Ok(()));
                }
                At::Uncached(_) => return Poll::Ready(Ok(())),
                At::Opening(chunk, opening) => {
                    let (chunk, opened) = (chunk.clone(), ready!(Pin::new(opening).poll(cx)));
                    if !self.opened(chunk, opened) {
                        return Poll::Ready(Err(Failure::Disk));
                    }
                }
                At::Filling(ticket) => match ready!(ticket.poll_promised(cx)) {
                    Err(Failure::Abandoned) => self.at = At::Between,
                    promised => return Poll::Ready(promised),
                },
            }
        }
    }

    /// The next part, at most `most` bytes of it; `None` behind the last byte of the range.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        loop {
            match &mut self.at {
                At::Between if self.left.is_empty() => return Poll::Ready(None),
                At::Between => {
                    if !self.look_up() {
                        self.go_uncached();
                    }
                }
                At::Kept(chunk, pages) => match ready!(pages.poll_next(cx, most)) {
                    None => self.at = At::Between,
                    Some(Ok(part)) => {
                        self.read_ahead();
                        return Poll::Ready(Some(Ok(self.passed(part))));
                    }
                    Some(Err(error)) => {
                        self.object.chunks.unreadable(chunk.as_ref(), &error);
                        self.go_uncached();
                    }
                },
                At::Opening(chunk, opening) => {
                    let (chunk, opened) = (chunk.clone(), ready!(Pin::new(opening).poll(cx)));
                    if !self.opened(chunk, opened) {
                        self.go_uncached();
                    }
                }
                At::Filling(_) => {
                    if let Some(part) = ready!(self.poll_filling(cx, most)) {
                        return Poll::Ready(Some(part));
                    }
                }
                At::Uncached(reader) => {
                    let part = ready!(reader.poll_next(cx));
                    return Poll::Ready(part.map(|part| part.map(|bytes| self.passed(Part::Bytes(bytes)))));
                }
            }
        }
    }

    /// Of the part that was read last.
    pub(crate) fn source(&self) -> Source {
        self.source
    }

    /// The chunk whose bytes were given out last could not be read after all.
    pub(crate) fn broken_by(&self, error: &io::Error) {
        if let At::Kept(chunk, _) = &self.at {
            self.object.chunks.unreadable(chunk.as_ref(), error);
        }
    }

    /// What a fill has; `None` if the next bytes are elsewhere.
    fn poll_filling(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        let (wanted, next) = (self.within_chunk(), self.left.start / self.object.chunks.chunk);
        let At::Filling(ticket) = &mut self.at else { return Poll::Ready(None) };
        if self.left.is_empty() || u64::from(ticket.fill.id.index) != next {
            self.at = At::Between;
            return Poll::Ready(None);
        }
        match ready!(ticket.poll_from(cx, wanted.start)) {
            // From now on a disk may have to be waited for, if the client takes its time.
            Ok(available) if available.is_whole => {
                self.fruitless = 0;
                self.at = At::Kept(None, Pages::new(available.file, None, wanted));
                Poll::Ready(None)
            }
            Ok(available) => {
                self.fruitless = 0;
                self.read_ahead();
                let end = wanted.end.min(available.range.end).min(wanted.start + most);
                let part = Part::File(available.file, wanted.start..end);
                Poll::Ready(Some(Ok(self.passed(part))))
            }
            Err(Failure::Abandoned) => {
                self.at = At::Between;
                Poll::Ready(None)
            }
            Err(Failure::Disk) => {
                self.go_uncached();
                Poll::Ready(None)
            }
            Err(Failure::Origin(error)) => {
                // A body that broke off was asked for again often enough by whoever filled it. One that never began may
                // have been asked for when the bucket was in another state.
                self.fruitless += 1;
                let is_final = ticket.fill.is_promised() || (ticket.is_answered_now && !error.is_passing());
                let is_over = is_final || self.fruitless == FRUITLESS;
                self.at = At::Between;
                Poll::Ready(is_over.then(|| Err(error.into())))
            }
        }
    }

    /// Finds the next chunk, or begins to fill it. False if the cache cannot.
    fn look_up(&mut self) -> bool {
        let chunks = Arc::clone(&self.object.chunks);
        let version = Arc::clone(&self.object.version);
        let Ok(index) = u32::try_from(self.left.start / chunks.chunk) else { return false };
        let id = ChunkId { object: version.id, index };
        self.is_alone = true;
        self.source = Source::Origin;
        // Of a stretch that broke off, the rest is behind as well.
        while self.ahead.front().is_some_and(|ticket| ticket.fill.id.index < index) {
            self.ahead.pop_front();
        }
        let mut own = self.ahead.pop_front_if(|ticket| ticket.fill.id == id);
        self.at = loop {
            break match (chunks.index.find(&id), own.take()) {
                (Some(Entry::Kept(chunk)), own) => {
                    // What was read ahead for this very reader is no find.
                    if own.is_none() {
                        chunks.metrics.hits.inc();
                        self.source = Source::Cache;
                    }
                    self.kept(chunk)
                }
                (Some(Entry::Filling(fill)), _) => At::Filling(fill.join()),
                // It came, and had to go again already; this reader still has it.
                (None, Some(ticket)) => At::Filling(ticket),
                (None, None) if chunks.is_scanning() && self.looked_for != Some(index) => {
                    self.looked_for = Some(index);
                    let chunks = Arc::clone(&chunks);
                    let look = move || {
                        chunks.look_for(id);
                        Opened::Gone
                    };
                    self.at = At::Opening(None, spawn_blocking(look));
                    return true;
                }
                (None, None) => match chunks.begin(&self.object, self.left.start, self.stretch_from(self.left.start)) {
                    Begun::Filling(mut ticket, mut later) => {
                        ticket.is_answered_now = true;
                        // What is still there of an earlier stretch is behind this one.
                        later.append(&mut self.ahead);
                        self.ahead = later;
                        At::Filling(ticket)
                    }
                    Begun::Raced => continue,
                    Begun::Refused => return false,
                },
            };
        };
        true
    }

    fn kept(&self, chunk: Arc<Chunk>) -> At {
        let chunks = &self.object.chunks;
        match chunk.open_file(chunks.now()) {
            Some(file) if file::is_uncut(&file, chunk.length) => {
                let pages = Pages::new(file, chunk.warmth.clone(), self.within_chunk());
                At::Kept(Some(chunk), pages)
            }
            Some(_) => {
                chunks.cut(&chunk);
                At::Between
            }
            None => {
                let whole = ChunkId::range(chunk.id.index, self.object.version.origin.size, chunks.chunk);
                let (chunks, to_open) = (Arc::clone(chunks), Arc::clone(&chunk));
                let open = move || chunks.open_chunk(&to_open, whole.end - whole.start);
                At::Opening(Some(chunk), spawn_blocking(open))
            }
        }
    }

    /// A chunk's file was asked for. False if the disk does not give it.
    fn opened<E>(&mut self, chunk: Option<Arc<Chunk>>, opened: Result<Opened, E>) -> bool {
        self.at = match opened {
            Ok(Opened::Ready(file)) => At::Kept(chunk, Pages::new(file, None, self.within_chunk())),
            Ok(Opened::Gone) => At::Between,
            Ok(Opened::Trouble) | Err(_) => return false,
        };
        true
    }

    /// While the last chunk that was begun is being drained, the next ones are on their way: as many again as this reader
    /// has shown that it takes, or has named; what is on its way for a client that leaves ends with the chunk at hand.
    fn read_ahead(&mut self) {
        if !std::mem::replace(&mut self.is_alone, false) || !self.ahead.is_empty() {
            return;
        }
        let chunks = &self.object.chunks;
        let next = (self.left.start / chunks.chunk + 1) * chunks.chunk;
        let Ok(index) = u32::try_from(next / chunks.chunk) else { return };
        if next >= self.left.end {
            return;
        }
        let id = ChunkId { object: self.object.version.id, index };
        match chunks.index.peek(&id) {
            Some(Entry::Kept(_)) => {}
            Some(Entry::Filling(fill)) => self.ahead.push_back(fill.join()),
            // It may lie in the folder: whoever comes to it looks there first.
            None if chunks.is_scanning() => {}
            None => {
                let Ok(turn) = Arc::clone(&chunks.ahead).try_acquire_owned() else { return };
                let count = self.stretch_from(next);
                if let Begun::Filling(ticket, later) = chunks.begin_stretch(&self.object, (next, 0), count, Some(turn))
                {
                    self.ahead = later;
                    self.ahead.push_front(ticket);
                    self.stretch = (self.stretch * 2).min(longest_stretch(chunks.chunk));
                }
            }
        }
    }

    /// How many chunks are to be asked for at once, from the one in which this byte lies on.
    fn stretch_from(&self, at: u64) -> u64 {
        let chunk = self.object.chunks.chunk;
        self.stretch.min(self.left.end.div_ceil(chunk) - at / chunk)
    }

    /// What is wanted of the next byte's chunk, counted from its start.
    fn within_chunk(&self) -> Range<u64> {
        let start = self.left.start - self.left.start % self.object.chunks.chunk;
        let end = self.left.end.min(start + self.object.chunks.chunk);
        self.left.start - start..end - start
    }

    fn passed(&mut self, part: Part) -> Part {
        self.left.start += match &part {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::File(_, range) => range.end - range.start,
        };
        part
    }

    fn go_uncached(&mut self) {
        let origin = self.object.origin();
        self.at = At::Uncached(windows::Reader::new(origin, self.left.clone()));
        self.source = Source::Origin;
        self.ahead.clear();
    }
}
