//! What must hold after every abuse: the process, a canary, its open files, its log.

use super::{Gateway, PATIENCE, eventually};
use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddrV4,
    time::{Duration, Instant},
};

/// What a gateway holds open.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Level {
    /// Connections of clients.
    pub(crate) connections: usize,
    /// Files, pipes and the like, but for the catalog's and, where storage is remote, sockets towards it and cached
    /// chunks, unless these were deleted.
    pub(crate) files: usize,
}

impl Gateway {
    /// The same process, a canary that sings, nothing left open, no panic and no secret in the log.
    #[track_caller]
    pub(crate) fn assert_unharmed(&self) {
        assert_eq!(self.exited(), None, "the process is gone:\n{}", self.log());
        let canary = self.canary.as_ref().expect("a started gateway has a canary");
        self.get(&canary.url()).send().assert_whole(&canary.bytes);
        self.assert_at_rest();
        let log = self.log();
        assert!(!log.contains("panicked"), "{log}");
        self.assert_nothing_leaked_to("");
    }

    /// No connection and no file more is open than when nothing had happened yet.
    #[track_caller]
    pub(crate) fn assert_at_rest(&self) {
        let deadline = Instant::now() + PATIENCE;
        let is_at_rest = |level: &Level| level.connections == 0 && level.files <= self.at_rest.files;
        loop {
            let level = self.level();
            if is_at_rest(&level) {
                return;
            }
            assert!(Instant::now() < deadline, "left open: {level:?}, at rest {:?}\n{:#?}", self.at_rest, self.open());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it holds open now.
    pub(crate) fn level(&self) -> Level {
        let open = self.open();
        let clients = self.client_sockets();
        let connections = open.iter().filter(|link| clients.contains(*link)).count();
        let cache = self.home().join("cache/").display().to_string();
        let counts = |link: &&String| {
            let has_pools = !self.storage().is_folder() || !self.catalog().is_sqlite();
            let own = !has_pools || !link.starts_with("socket:");
            let cached = link.starts_with(&cache) && !link.ends_with("(deleted)");
            own && !cached && !link.contains("catalog.db") && !clients.contains(*link)
        };
        Level { connections, files: open.iter().filter(counts).count() }
    }

    /// [`Gateway::level`] once no client is connected.
    #[track_caller]
    pub(super) fn level_at_rest(&self) -> Level {
        eventually("the first connections are closed", PATIENCE, || {
            let level = self.level();
            (level.connections == 0).then_some(level)
        })
    }

    /// Processor time it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the process is there");
        let fields: Vec<_> = stat.rsplit_once(')').expect("a name in brackets").1.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident size");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// What its file descriptors lead to.
    fn open(&self) -> Vec<String> {
        let folder = fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the process is there");
        let links = folder.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links.map(|link| link.display().to_string()).collect()
    }

    /// The links of sockets that are connected to the public or the admin listener.
    fn client_sockets(&self) -> BTreeSet<String> {
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.pid())).expect("the process is there");
        let own = [self.public(), self.admin_address()].map(table_address);
        let socket = |line: &str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            const LISTENING: &str = "0A";
            (own.iter().any(|address| address == local) && *state != LISTENING).then(|| format!("socket:[{inode}]"))
        };
        table.lines().skip(1).filter_map(socket).collect()
    }
}

/// As `/proc/net/tcp` writes it, on a little-endian machine.
fn table_address(address: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}
