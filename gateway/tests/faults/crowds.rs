//! Many clients of one object: those who stay get every byte (G8), those who leave leave nothing behind (G9).

use crate::{
    Stage, both_ways,
    harness::{Connection, Download, Fault, File, PATIENCE, eventually, number, raise_fd_limit},
};
use std::time::Duration;

const MIB: usize = 1 << 20;

both_ways! {
    many_clients_of_one_cold_object_all_get_it_when_the_first_has_left,
    clients_that_leave_at_a_tenth_leave_nothing_behind,
}

/// So many clients that have asked for the file and wait, the answer being held.
pub(crate) fn waiting_clients(stage: &Stage, file: &File, count: usize, more: &[(&str, &str)]) -> Vec<Connection> {
    raise_fd_limit();
    let key = file.object_key.clone();
    stage.origin.hold();
    stage.origin.plan(move |seen| seen.path.ends_with(&key).then_some(Fault::Held));
    let request =
        more.iter().fold(stage.gateway.get(&file.url()), |request, (name, value)| request.header(name, value));
    // Connected first: a question to storage waits no longer than 10 s for its answer.
    let mut clients: Vec<_> = (0..count).map(|_| stage.gateway.connect()).collect();
    for client in &mut clients {
        client.send(&request.to_bytes());
    }
    eventually("all have asked", PATIENCE, || {
        (stage.gateway.metric("gateway_requests_in_flight") >= count as f64).then_some(())
    });
    clients
}

fn many_clients_of_one_cold_object_all_get_it_when_the_first_has_left(stage: &Stage) {
    let film = stage.film(200_000);
    // Without a cache each has a GET of its own. More than these would wait for the others', for 10 s at most.
    let count = if stage.is_cached { 500 } else { 120 };
    let mut clients = waiting_clients(stage, &film, count, &[]);
    drop(clients.remove(0));
    stage.origin.release();
    for client in &mut clients {
        client.answer("GET").assert_whole(&film.bytes);
    }
    if stage.is_cached {
        assert_eq!(stage.origin.gets(&film).len(), 1, "one GET for all");
    }
    drop(clients);
    stage.assert_unharmed();
}

/// `T2M_LEAVING_CLIENTS` clients, 100 unless given, of a file of `T2M_LEAVING_MIB`, 64 unless given.
fn clients_that_leave_at_a_tenth_leave_nothing_behind(stage: &Stage) {
    raise_fd_limit();
    let (clients, mib) = (number("T2M_LEAVING_CLIENTS", 100), number("T2M_LEAVING_MIB", 64));
    let film = stage.film(usize::try_from(mib).expect("it fits") * MIB);
    leave_at_a_tenth(stage, &film, clients);
    let before = stage.gateway.memory();
    leave_at_a_tenth(stage, &film, clients);
    let after = stage.gateway.memory();
    assert!(after <= before + (16 << 20), "memory grew from {before} to {after}");

    let read = if stage.is_cached { film.size() } else { 2 * clients * (film.size() / 10 + (8 << 20)) };
    assert!(stage.origin.sent() <= read + (1 << 20), "{} bytes read, for clients that have left", stage.origin.sent());
    stage.assert_unharmed();
}

fn leave_at_a_tenth(stage: &Stage, film: &File, clients: u64) {
    const THREADS: u64 = 4;
    let downloads: Vec<Download> = std::thread::scope(|scope| {
        let share = |thread| clients / THREADS + u64::from(thread < clients % THREADS);
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || at_a_tenth(stage, film, share(thread)))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no client fails")).collect()
    });
    assert_eq!(stage.gateway.metric("gateway_requests_in_flight"), clients as f64, "all are open at once");
    drop(downloads);

    stage.gateway.assert_at_rest();
    eventually("no request is left", PATIENCE, || {
        (stage.gateway.metric("gateway_requests_in_flight") == 0.0).then_some(())
    });
    eventually("storage is left alone", PATIENCE, || {
        let before = stage.origin.sent();
        std::thread::sleep(Duration::from_millis(300));
        (stage.origin.sent() == before).then_some(())
    });
    eventually("idle connections to storage are few", PATIENCE, || (stage.origin.connections() <= 128).then_some(()));
}

/// So many clients that have read a tenth of the file and go no further.
fn at_a_tenth(stage: &Stage, film: &File, clients: u64) -> Vec<Download> {
    let mut downloads: Vec<_> =
        (0..clients).map(|_| stage.gateway.get(&film.url()).open_with_window(64 << 10)).collect();
    for download in &mut downloads {
        for piece in film.bytes[..film.bytes.len() / 10].chunks(MIB) {
            assert!(download.take(piece.len()) == piece, "other bytes than the file's");
        }
    }
    downloads
}
