//! The gateway as a process: started with nothing in its environment but what a test says, killed when dropped.

use super::{
    Connection, File, PATIENCE, Raw, Request, SECRET,
    catalog::Catalog,
    eventually,
    health::Level,
    host::{give_to, own_address},
    link::signatures_made,
    storage::Storage,
    storage::aws_variables,
    tls::ClientConfig,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_gateway");

/// A gateway with everything it needs and nothing else set.
pub(crate) fn setup() -> Setup {
    let setup = Setup::new();
    setup.catalog.migrate();
    setup
}

/// As [`setup`], but nobody has made the catalog's tables yet.
pub(crate) fn setup_without_schema() -> Setup {
    Setup::new()
}

/// As [`setup`], started.
#[track_caller]
pub(crate) fn start() -> Gateway {
    setup().start()
}

/// A gateway to be started.
#[must_use]
pub(crate) struct Setup {
    home: TempDir,
    storage: Storage,
    catalog: Catalog,
    address: Ipv4Addr,
    variables: BTreeMap<String, String>,
    /// Shell commands before it, in its own process.
    before: Vec<String>,
    own_mounts: bool,
    user: Option<u32>,
    pub(super) socket: Option<TcpListener>,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// A gateway that did not start.
pub(crate) struct Exit {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Setup {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let storage = Storage::new(home.path());
        let catalog = Catalog::new(&home.path().join("catalog.db"));
        let address = own_address();
        let mut variables: BTreeMap<String, String> = [
            ("FILE_SIGNING_SECRET", SECRET.to_owned()),
            ("STORAGE_URL", storage.url()),
            ("DATABASE_URL", catalog.url()),
            ("GATEWAY_LISTEN", format!("{address}:8080")),
            ("GATEWAY_ADMIN_LISTEN", format!("{address}:9080")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if !storage.is_folder() {
            variables.extend(aws_variables());
            variables.insert("GATEWAY_CACHE_DIR".into(), home.path().join("cache").display().to_string());
        }
        Self {
            home,
            storage,
            catalog,
            address,
            variables,
            before: Vec::new(),
            own_mounts: false,
            user: None,
            socket: None,
            tls: None,
        }
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// As `ulimit -n`.
    pub(crate) fn fd_limit(self, limit: u32) -> Self {
        self.after(&format!("ulimit -n {limit}"))
    }

    /// No file that it writes grows beyond this; a write past it fails.
    pub(crate) fn file_size_limit(self, kib: u32) -> Self {
        // `ulimit -f` counts in blocks of 512 bytes; the signal would end the process.
        self.after("trap '' XFSZ").after(&format!("ulimit -f {}", kib * 2))
    }

    /// Nobody but the gateway sees this mount, and it goes with it.
    pub(crate) fn tmpfs(mut self, folder: &Path, options: &str) -> Self {
        fs::create_dir_all(folder).expect("a place to mount at");
        self.own_mounts = true;
        self.after(&format!("mount -t tmpfs -o mode=700,{options} none '{}'", folder.display()))
    }

    pub(super) fn after(mut self, command: &str) -> Self {
        self.before.push(command.to_owned());
        self
    }

    /// Started under another user id, to whom the test's folder then belongs.
    pub(crate) fn user(mut self, id: u32) -> Self {
        self.user = Some(id);
        self
    }

    /// On the storage and the catalog of another gateway.
    pub(crate) fn beside(self, other: &Gateway) -> Self {
        let (storage, catalog) = (other.storage().url(), other.catalog().url());
        self.set("STORAGE_URL", &storage).set("DATABASE_URL", &catalog)
    }

    /// A folder of the test's own, beside storage and catalog.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Started, ready, and its canary seen.
    #[track_caller]
    pub(crate) fn start(self) -> Gateway {
        let mut gateway = self.start_without_canary();
        let canary = gateway.store("canary.txt", b"a canary that sings");
        gateway.get(&canary.url()).send().assert_whole(&canary.bytes);
        gateway.canary = Some(canary);
        gateway.at_rest = gateway.level_at_rest();
        gateway
    }

    /// Started and ready: for one with other secrets than the usual.
    #[track_caller]
    pub(crate) fn start_without_canary(self) -> Gateway {
        let gateway = self.start_unready();
        gateway.await_ready();
        gateway
    }

    /// Started, and perhaps not ready yet.
    pub(crate) fn start_unready(self) -> Gateway {
        let (child, log) = self.spawn();
        Gateway {
            pid: child.id().into(),
            child: Mutex::new(child),
            log,
            setup: self,
            canary: None,
            at_rest: Level::default(),
        }
    }

    /// Run until it exits by itself.
    #[track_caller]
    pub(crate) fn run_to_exit(self) -> Exit {
        let (mut child, log) = self.spawn();
        let status = eventually("the gateway exits", PATIENCE, || child.try_wait().expect("a child can be awaited"));
        Exit { status, log: fs::read_to_string(log).expect("a log") }
    }

    fn spawn(&self) -> (Child, PathBuf) {
        let path = self.home.path().join("log");
        let log = fs::File::options().append(true).create(true).open(&path).expect("a file for the log");
        let mut command = self.command();
        if let Some(id) = self.user {
            give_to(self.home.path(), id);
            command.uid(id).gid(id);
        }
        command.env_clear().envs(&self.variables).current_dir(self.home.path()).stdin(self.stdin());
        command.stdout(log.try_clone().expect("one file for both")).stderr(log);
        (command.spawn().expect("the gateway can be run"), path)
    }

    fn command(&self) -> Command {
        if self.before.is_empty() {
            return Command::new(BINARY);
        }
        let mut words = if !self.own_mounts {
            vec![]
        } else if rustix::process::geteuid().is_root() {
            vec!["unshare", "--mount"]
        } else {
            vec!["unshare", "--map-root-user", "--mount"]
        };
        let script = format!("{} && exec \"$0\"", self.before.join(" && "));
        words.extend(["/bin/sh", "-c", &script, BINARY]);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    }
}

/// A running gateway.
pub(crate) struct Gateway {
    child: Mutex<Child>,
    pid: AtomicU32,
    log: PathBuf,
    setup: Setup,
    pub(super) canary: Option<File>,
    pub(super) at_rest: Level,
}

impl Gateway {
    pub(crate) fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    pub(crate) fn head(&self, target: &str) -> Request {
        self.request("HEAD", target)
    }

    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.public(), method, target).encrypted(self.setup.tls.clone())
    }

    /// A request to the admin listener.
    pub(crate) fn admin(&self, method: &str, target: &str) -> Request {
        Request::new(self.admin_address(), method, target)
    }

    #[track_caller]
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.public()).encrypted(self.setup.tls.as_ref())
    }

    /// What its clients trust, if it speaks TLS.
    pub(crate) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.setup.tls.as_ref()
    }

    /// Writes these bytes, then reads until the gateway closes.
    #[track_caller]
    pub(crate) fn raw(&self, bytes: &[u8]) -> Raw {
        let mut connection = self.connect();
        let (bytes, ended) = connection.send(bytes).rest();
        Raw { bytes, ended }
    }

    pub(crate) fn public(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.setup.address, 8080)
    }

    pub(crate) fn admin_address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.setup.address, 9080)
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.setup.storage
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.setup.catalog
    }

    /// A folder of the test's own, beside storage and catalog.
    pub(crate) fn home(&self) -> &Path {
        self.setup.home.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// Everything it has written to stdout and stderr.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("a log")).into_owned()
    }

    /// The status of `/readyz`; `None` when nothing answers there.
    pub(crate) fn readiness(&self) -> Option<u16> {
        let mut connection = Connection::try_open(self.admin_address(), PATIENCE)?;
        let request = self.admin("GET", "/readyz").header("Connection", "close").to_bytes();
        let (answer, _) = connection.send(&request).rest();
        super::Answer::parse_head(&answer).map(|(head, _)| head.status())
    }

    /// The status with which it exited, if it did.
    pub(crate) fn exited(&self) -> Option<ExitStatus> {
        self.child.lock().expect("no holder panics").try_wait().expect("a child can be awaited")
    }

    /// Its exit code, awaited.
    #[track_caller]
    pub(crate) fn exit_code_within(&self, bound: Duration) -> i32 {
        let status = eventually("the gateway exits", bound, || self.exited());
        status.code().unwrap_or_else(|| panic!("ended by signal {:?}", status.signal()))
    }

    /// SIGKILL, whatever it was doing, and nothing instead.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().expect("no holder panics");
        child.kill().and_then(|()| child.wait()).expect("a child can be killed");
    }

    /// Another process with the same settings, on what the last one left, once that has exited.
    #[track_caller]
    pub(crate) fn start_again(&self) {
        eventually("the gateway has exited", PATIENCE, || self.exited());
        let (child, _) = self.setup.spawn();
        self.pid.store(child.id(), Ordering::Relaxed);
        *self.child.lock().expect("no holder panics") = child;
        self.await_ready();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a child has a pid");
        kill_process(pid, signal).expect("the gateway takes signals");
    }

    /// Neither the log nor `more` holds the secret or any signature ever made.
    #[track_caller]
    pub(crate) fn assert_nothing_leaked_to(&self, more: &str) {
        for (place, text) in [("log", self.log().as_str()), ("answer", more)] {
            assert!(!text.contains(SECRET), "the secret is in the {place}");
            for signature in signatures_made() {
                assert!(!text.contains(&signature), "a signature is in the {place}");
            }
        }
    }

    /// Polls until `/readyz` says 200.
    #[track_caller]
    pub(crate) fn await_ready(&self) {
        eventually("GET /readyz says 200", Duration::from_secs(10), || {
            if let Some(status) = self.exited() {
                panic!("the gateway exited with {status}:\n{}", self.log());
            }
            (self.readiness() == Some(200)).then_some(())
        });
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.char_indices().rev().nth(4_000).map_or(0, |(at, _)| at);
            std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("the gateway's log:\n{}\n", &log[tail..]).as_bytes(),
            )
            .unwrap_or_default();
        }
    }
}
