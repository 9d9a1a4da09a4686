//! Downloads by the thousand, each with faults of its own at random places: no wrong byte, and nothing short that looks
//! whole. `T2M_FAULTED_DOWNLOADS` says how many; a failure names the seed that `T2M_FIRST_SEED` begins with again.

use crate::{
    STRETCH, Stage, both_ways,
    harness::{Fault, File, Random, number},
    outcome::Outcome,
};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

const AT_ONCE: usize = 8;
const LARGEST: u64 = 12 * STRETCH;
/// One fault in so many is a stall that outlasts the gateway's patience.
const LONG_STALLS: u64 = 200;

both_ways!(no_random_fault_gives_a_wrong_byte_or_a_short_answer_that_looks_whole);

/// What is to befall one file, by its id.
type Doom = Arc<Mutex<HashMap<String, Vec<Strike>>>>;

/// One fault, in answers that hold this byte of the object.
struct Strike {
    place: u64,
    times: u32,
    fault: Box<dyn Fn(u64) -> Fault + Send>,
}

#[derive(Default)]
struct Tally {
    exact: AtomicU64,
    cut: AtomicU64,
    refused: AtomicU64,
    struck: Arc<AtomicU64>,
}

fn no_random_fault_gives_a_wrong_byte_or_a_short_answer_that_looks_whole(stage: &Stage) {
    let (count, first) = (number("T2M_FAULTED_DOWNLOADS", 300), number("T2M_FIRST_SEED", 1));
    let (doom, tally, next) = (Doom::default(), Tally::default(), AtomicU64::new(first));
    strike_as_doomed(stage, &doom, &tally);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < first + count) {
                    let download = AssertUnwindSafe(|| download(stage, seed, &doom, &tally));
                    if catch_unwind(download).is_err() {
                        next.store(u64::MAX / 2, Ordering::Relaxed);
                        panic!("that was T2M_FIRST_SEED={seed} T2M_FAULTED_DOWNLOADS=1");
                    }
                }
            });
        }
    });
    let [exact, cut, refused, struck] =
        [&tally.exact, &tally.cut, &tally.refused, &tally.struck].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(exact + cut + refused, count);
    assert!(count < 100 || struck > count / 2 && exact > count / 4, "{struck} faults, {exact} exact, {cut} cut");
    stage.assert_unharmed();
}

fn strike_as_doomed(stage: &Stage, doom: &Doom, tally: &Tally) {
    let (doom, struck) = (Arc::clone(doom), Arc::clone(&tally.struck));
    stage.origin.plan(move |seen| {
        let (_, id) = seen.path.rsplit_once('/')?;
        let range = seen.range.clone()?;
        let mut doom = doom.lock().expect("no holder panics");
        let strikes = doom.get_mut(id)?;
        let strike = strikes.iter_mut().find(|strike| strike.times > 0 && range.contains(&strike.place))?;
        strike.times -= 1;
        struck.fetch_add(1, Ordering::Relaxed);
        Some((strike.fault)(strike.place - range.start))
    });
}

fn download(stage: &Stage, seed: u64, doom: &Doom, tally: &Tally) {
    let mut random = Random::seeded(seed);
    let size = 1 + random.below(LARGEST);
    let film = stage.gateway.store("film.mp4", &random.bytes(usize::try_from(size).expect("it fits")));
    let strikes = (0..1 + random.below(3)).map(|_| strike(&mut random, &film)).collect();
    doom.lock().expect("no holder panics").insert(film.id.clone(), strikes);

    let first = if random.below(2) == 0 { 0 } else { random.below(size) };
    let end = if random.below(2) == 0 { size } else { first + 1 + random.below(size - first) };
    let mut request = stage.gateway.get(&film.url());
    if (first, end) != (0, size) {
        request = request.range(&format!("bytes={first}-{}", end - 1));
    }
    let wanted = usize::try_from(first).expect("it fits")..usize::try_from(end).expect("it fits");
    let outcome = stage.outcome(request, &film.bytes[wanted]);
    let counted = match outcome {
        Outcome::Exact => &tally.exact,
        Outcome::Cut(_) => &tally.cut,
        Outcome::Refused(404, _) => panic!("no fault of this plan says 404"),
        Outcome::Refused(..) => &tally.refused,
    };
    counted.fetch_add(1, Ordering::Relaxed);
    doom.lock().expect("no holder panics").remove(&film.id);
    stage.gateway.storage().delete(&film.object_key);
}

fn strike(random: &mut Random, film: &File) -> Strike {
    let stretches = film.size().div_ceil(STRETCH);
    let place = random.below(stretches) * STRETCH;
    let times = if random.below(10) == 0 { 100 } else { 1 };
    if random.below(LONG_STALLS) == 0 {
        return Strike { place, times: 1, fault: Box::new(Fault::Stall) };
    }
    let number = random.number();
    let bytes = (film.bytes.clone(), film.etag.clone());
    let fault: Box<dyn Fn(u64) -> Fault + Send> = match random.below(12) {
        0 | 1 => Box::new(Fault::Reset),
        2 | 3 => Box::new(Fault::Close),
        4 | 5 => Box::new(Fault::Short),
        6 => Box::new(Fault::Chunked),
        7 => Box::new(Fault::Unframed),
        8 => Box::new(move |_| Fault::Long(1 + number % 200_000)),
        9 => Box::new(move |_| another_range(&bytes.0, &bytes.1, number)),
        10 => Box::new(move |_| Fault::Header("ETag", Some(format!("\"{number:x}\"")))),
        _ => Box::new(|_| Fault::Status(503)),
    };
    Strike { place, times, fault }
}

/// An honest answer to another question.
fn another_range(bytes: &[u8], etag: &str, number: u64) -> Fault {
    let first = usize::try_from(number).unwrap_or(0) % bytes.len();
    let body = &bytes[first..bytes.len().min(first + 131_072)];
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nETag: {etag}\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Content-Range: bytes {first}-{}/{}\r\nContent-Length: {}\r\n\r\n",
        first + body.len() - 1,
        bytes.len(),
        body.len()
    );
    Fault::Raw([head.as_bytes(), body].concat())
}
