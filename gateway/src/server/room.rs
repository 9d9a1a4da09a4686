//! Every open connection's seat: where it is told to finish or to end, and from where room is made near the bounds of
//! connections and of answers: whoever has waited longest for its client is cut for a new one.

use futures_util::task::AtomicWaker;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// A pause shorter than this is nothing to be cut for.
const SHORTEST_WAIT_MS: u64 = 1_000;
/// Between two looks whether all have asked.
const LOOK: Duration = Duration::from_millis(10);
/// Not waiting.
const BUSY: u64 = u64::MAX;

/// What a connection is told. It only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Notice {
    GoOn,
    /// Finish what you are at, then end.
    Finish,
    /// End at once.
    Cut,
}

impl Notice {
    fn from_number(number: u8) -> Self {
        [Self::GoOn, Self::Finish, Self::Cut][usize::from(number.min(2))]
    }
}

/// All open connections.
pub(crate) struct Room {
    opened: Instant,
    seats: Mutex<Seats>,
    /// Milliseconds since then. Before it, nobody can have waited long enough to be cut for an answer.
    next_look: AtomicU64,
}

struct Seats {
    by_number: HashMap<u64, Arc<Seat>>,
    next: u64,
    /// For who comes late.
    told: Notice,
}

/// One connection's place. Its times are milliseconds since the room was opened.
pub(super) struct Seat {
    opened: Instant,
    idle_since: AtomicU64,
    stalled_since: AtomicU64,
    has_asked: AtomicBool,
    notice: AtomicU8,
    connection: AtomicWaker,
}

/// A place taken; it is free again when this is dropped.
pub(super) struct Seated {
    room: Arc<Room>,
    number: u64,
    pub(super) seat: Arc<Seat>,
}

impl Room {
    pub(crate) fn open() -> Arc<Self> {
        let seats = Seats { by_number: HashMap::new(), next: 0, told: Notice::GoOn };
        Arc::new(Self { opened: Instant::now(), seats: Mutex::new(seats), next_look: AtomicU64::new(0) })
    }

    pub(super) fn seat(self: &Arc<Self>) -> Seated {
        let mut seats = self.seats();
        let seat = Arc::new(Seat::new(self.opened, seats.told));
        let number = seats.next;
        seats.next += 1;
        seats.by_number.insert(number, Arc::clone(&seat));
        Seated { room: Arc::clone(self), number, seat }
    }

    /// Tells every connection, and those that are still to come.
    pub(super) fn tell_all(&self, notice: Notice) {
        let mut seats = self.seats();
        seats.told = seats.told.max(notice);
        seats.by_number.values().for_each(|seat| seat.tell(notice));
    }

    /// Comes to its end once no connection is without its first request.
    pub(super) async fn all_have_asked(&self) {
        while self.seats().by_number.values().any(|seat| !seat.has_asked()) {
            sleep(LOOK).await;
        }
    }

    /// Cuts the connection that has been without a request longest, for its client loses nothing. Only where every
    /// connection has one, the one whose client has taken nothing of its answer for longest.
    pub(super) fn make(&self) {
        let seats = self.seats();
        let longest = seats.longest(|seat| &seat.idle_since).or_else(|| seats.longest(|seat| &seat.stalled_since));
        self.cut(longest);
    }

    /// Cuts the connection whose client has taken nothing of its answer for longest: it holds an answer's place. Whoever
    /// is refused one asks for this, thousands a second: it looks only where it can find somebody.
    pub(crate) fn make_for_an_answer(&self) {
        let now = milliseconds(self.opened, Instant::now());
        if now < self.next_look.load(Ordering::Relaxed) {
            return;
        }
        let seats = self.seats();
        let longest = seats.longest(|seat| &seat.stalled_since);
        let since = longest.map_or(now, |(since, _)| since);
        self.next_look.store(since.saturating_add(SHORTEST_WAIT_MS), Ordering::Relaxed);
        self.cut(longest);
    }

    /// Has every connection look around again that waits for its client to take some of its answer.
    pub(crate) fn wake_stalled(&self) {
        let seats = self.seats();
        let stalled = seats.by_number.values().filter(|seat| seat.stalled_since.load(Ordering::Relaxed) != BUSY);
        stalled.for_each(|seat| seat.wake());
    }

    fn cut(&self, longest: Option<(u64, &Arc<Seat>)>) {
        if let Some((since, seat)) = longest
            && milliseconds(self.opened, Instant::now()).saturating_sub(since) >= SHORTEST_WAIT_MS
        {
            seat.tell(Notice::Cut);
        }
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn longest(&self, wait: fn(&Seat) -> &AtomicU64) -> Option<(u64, &Arc<Seat>)> {
        let waiting = self.by_number.values().map(|seat| (wait(seat).load(Ordering::Relaxed), seat));
        waiting.filter(|(since, _)| *since != BUSY).min_by_key(|(since, _)| *since)
    }
}

impl Seat {
    fn new(opened: Instant, told: Notice) -> Self {
        let busy = || AtomicU64::new(BUSY);
        let (has_asked, notice) = (AtomicBool::new(false), AtomicU8::new(told as u8));
        Self { opened, idle_since: busy(), stalled_since: busy(), has_asked, notice, connection: AtomicWaker::new() }
    }

    /// Without a request since then, or not.
    pub(super) fn idle(&self, since: Option<Instant>) {
        self.idle_since.store(self.wait(since), Ordering::Relaxed);
        if since.is_none() {
            self.has_asked.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there was a request yet.
    pub(super) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Its client has taken nothing of its answer since then, or is taking it.
    pub(super) fn stalled(&self, since: Option<Instant>) {
        self.stalled_since.store(self.wait(since), Ordering::Relaxed);
    }

    fn wait(&self, since: Option<Instant>) -> u64 {
        since.map_or(BUSY, |since| milliseconds(self.opened, since))
    }

    fn tell(&self, notice: Notice) {
        self.notice.fetch_max(notice as u8, Ordering::Release);
        self.wake();
    }

    /// Has the connection look around again.
    pub(super) fn wake(&self) {
        self.connection.wake();
    }

    /// What it is told so far; its task is woken for more.
    pub(super) fn notice(&self, cx: &mut Context<'_>) -> Notice {
        self.connection.register(cx.waker());
        Notice::from_number(self.notice.load(Ordering::Acquire))
    }

    /// Whether it is told anything yet.
    pub(super) fn is_told(&self) -> bool {
        self.notice.load(Ordering::Acquire) != Notice::GoOn as u8
    }

    /// What the connection is told, as it is told.
    pub(super) fn listen(&self) -> impl FnMut(&mut Context<'_>) -> Poll<Notice> + '_ {
        let mut heard = Notice::GoOn;
        move |cx| {
            heard = ready!(self.poll_notice(cx, heard));
            Poll::Ready(heard)
        }
    }

    /// Ready with what goes beyond what the connection has `heard`; until then it is woken for that.
    fn poll_notice(&self, cx: &mut Context<'_>, heard: Notice) -> Poll<Notice> {
        match self.notice(cx) {
            notice if notice > heard => Poll::Ready(notice),
            _ => Poll::Pending,
        }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.room.seats().by_number.remove(&self.number);
    }
}

fn milliseconds(opened: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(opened).as_millis()).unwrap_or(BUSY - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::time::Duration;

    #[tokio::test]
    async fn first_requests_are_waited_for_and_no_others() {
        let room = Room::open();
        let (early, late) = (room.seat(), room.seat());
        early.seat.idle(Some(Instant::now()));
        early.seat.idle(None);
        early.seat.idle(Some(Instant::now()));
        assert!(room.all_have_asked().now_or_never().is_none(), "one has said nothing yet");
        late.seat.idle(None);
        assert!(room.all_have_asked().now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_has_left_is_not_waited_for() {
        let room = Room::open();
        drop(room.seat());
        assert!(room.all_have_asked().now_or_never().is_some());
    }

    /// A room that has been open for a minute.
    fn room() -> Arc<Room> {
        let opened = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        let room = Arc::into_inner(Room::open()).unwrap();
        Arc::new(Room { opened, ..room })
    }

    fn stalled_for(room: &Arc<Room>, seconds: u64) -> Seated {
        let seated = room.seat();
        seated.seat.stalled(Instant::now().checked_sub(Duration::from_secs(seconds)));
        seated
    }

    #[test]
    fn for_each_answer_the_one_that_has_stalled_longest_is_cut_and_nobody_who_takes_bytes() {
        let room = room();
        let (busy, short, long) = (room.seat(), stalled_for(&room, 20), stalled_for(&room, 40));
        room.make_for_an_answer();
        assert!(long.seat.is_told() && !short.seat.is_told());
        drop(long);
        room.make_for_an_answer();
        assert!(short.seat.is_told() && !busy.seat.is_told());
    }

    #[test]
    fn whoever_stalls_later_is_cut_once_they_have_waited_long_enough() {
        let room = room();
        room.make_for_an_answer();
        let stalled = stalled_for(&room, 0);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !stalled.seat.is_told() {
            assert!(Instant::now() < deadline, "nobody was cut");
            std::thread::sleep(Duration::from_millis(10));
            room.make_for_an_answer();
        }
        assert!(
            milliseconds(room.opened, Instant::now())
                >= stalled.seat.stalled_since.load(Ordering::Relaxed) + SHORTEST_WAIT_MS
        );
    }
}
