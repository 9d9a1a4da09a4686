//! Room near the bounds of connections and of answers: whoever has waited longest for its client is cut for a new one.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// A pause shorter than this is nothing to be cut for.
const SHORTEST_WAIT_MS: u64 = 1_000;
/// Not waiting.
const BUSY: u64 = u64::MAX;

/// Every connection that may be cut to make room.
pub(crate) struct Room {
    opened: Instant,
    seats: Mutex<HashMap<u64, Arc<Seat>>>,
    next: AtomicU64,
}

/// One connection's place. Its times are milliseconds since the room was opened.
pub(super) struct Seat {
    opened: Instant,
    idle_since: AtomicU64,
    stalled_since: AtomicU64,
    cut: CancellationToken,
}

/// A place taken; it is free again when this is dropped.
pub(super) struct Seated {
    room: Arc<Room>,
    number: u64,
    pub(super) seat: Arc<Seat>,
}

impl Room {
    pub(crate) fn open() -> Arc<Self> {
        Arc::new(Self { opened: Instant::now(), seats: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// Seats a connection that ends when `cut` is cancelled.
    pub(super) fn seat(self: &Arc<Self>, cut: CancellationToken) -> Seated {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat::new(self.opened, cut));
        self.seats().insert(number, Arc::clone(&seat));
        Seated { room: Arc::clone(self), number, seat }
    }

    /// Cuts the connection that has been without a request longest, for its client loses nothing. Only where every
    /// connection has one, the one whose client has taken nothing of its answer for longest.
    pub(super) fn make(&self) {
        let seats = self.seats();
        let longest = longest(&seats, |seat| &seat.idle_since).or_else(|| longest(&seats, |seat| &seat.stalled_since));
        self.cut(longest);
    }

    /// Cuts the connection whose client has taken nothing of its answer for longest: it holds an answer's place.
    pub(crate) fn make_for_an_answer(&self) {
        let seats = self.seats();
        self.cut(longest(&seats, |seat| &seat.stalled_since));
    }

    fn cut(&self, longest: Option<(u64, &Arc<Seat>)>) {
        if let Some((since, seat)) = longest
            && elapsed_ms(self.opened).saturating_sub(since) >= SHORTEST_WAIT_MS
        {
            seat.cut.cancel();
        }
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longest(seats: &HashMap<u64, Arc<Seat>>, wait: fn(&Seat) -> &AtomicU64) -> Option<(u64, &Arc<Seat>)> {
    let waiting = seats.values().map(|seat| (wait(seat).load(Ordering::Relaxed), seat));
    waiting.filter(|(since, _)| *since != BUSY).min_by_key(|(since, _)| *since)
}

impl Seat {
    fn new(opened: Instant, cut: CancellationToken) -> Self {
        Self { opened, idle_since: AtomicU64::new(BUSY), stalled_since: AtomicU64::new(BUSY), cut }
    }

    /// A seat in no room: never cut to make some.
    pub(super) fn apart(cut: CancellationToken) -> Arc<Self> {
        Arc::new(Self::new(Instant::now(), cut))
    }

    pub(super) fn idle(&self, is_idle: bool) {
        self.idle_since.store(if is_idle { elapsed_ms(self.opened) } else { BUSY }, Ordering::Relaxed);
    }

    pub(super) fn stalled(&self, is_stalled: bool) {
        self.stalled_since.store(if is_stalled { elapsed_ms(self.opened) } else { BUSY }, Ordering::Relaxed);
    }

    pub(super) fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.room.seats().remove(&self.number);
    }
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(BUSY - 1)
}
