//! One running standalone: started on free ports with nothing of this machine's environment, ended with the test.

use crate::http::Request;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeSet,
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A start that takes longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Standalone {
    child: Child,
    log: PathBuf,
    /// What it said on standard output.
    pub(crate) banner: String,
    /// The signer's address.
    pub(crate) api: SocketAddr,
    /// The gateway's address.
    pub(crate) files: SocketAddr,
}

impl Standalone {
    /// On a data folder in `home`, with these settings beside the ports.
    pub(crate) fn start(home: &TempDir, settings: &[(&str, &str)]) -> Self {
        let ports = Ports::free();
        let at = |name: &str| home.path().join(name);
        let output = at("stdout");
        let child = command(home.path(), &ports)
            .envs(settings.iter().copied())
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(at("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut started =
            Self { child, log: at("stderr"), banner: String::new(), api: ports.signer, files: ports.gateway };
        let start = Instant::now();
        while !started.banner.contains("is ready") {
            let alive = started.child.try_wait().unwrap().is_none();
            assert!(alive && start.elapsed() < PATIENCE, "it did not start: {}", started.log());
            sleep(Duration::from_millis(20));
            started.banner = std::fs::read_to_string(&output).unwrap();
        }
        started
    }

    /// The access token, from the page's address.
    pub(crate) fn token(&self) -> &str {
        let rest = self.banner.split_once("#access=").expect("the development identity is on").1;
        rest.lines().next().unwrap()
    }

    /// The lines of the banner that are for a shell.
    pub(crate) fn pasted(&self) -> Vec<&str> {
        self.banner.lines().filter(|line| line.contains("curl ")).map(str::trim).collect()
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().try_into().ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it did not end: {}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    /// A request to the signer's API with the access token.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        self.anonymous(method, path).header("Authorization", &format!("Bearer {}", self.token()))
    }

    /// A request to the signer's API without a credential.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> Request {
        Request::new(self.api, method, &format!("/api/v1{path}"))
    }

    /// A request to the gateway, by the link that the signer issued.
    pub(crate) fn link(&self, url: &str) -> Request {
        let base = format!("http://localhost:{}", self.files.port());
        Request::new(self.files, "GET", url.strip_prefix(&base).expect("links lead to the gateway"))
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that is expected to end by itself.
pub(crate) fn run(home: &TempDir, settings: &[(&str, &str)]) -> Output {
    let mut command = command(home.path(), &Ports::free());
    command.envs(settings.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

fn command(home: &Path, ports: &Ports) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standalone"));
    command.env_clear().current_dir(home);
    command.env("GATEWAY_LISTEN", ports.gateway.to_string()).env("GATEWAY_ADMIN_LISTEN", ports.admin.to_string());
    command.env("SIGNER_LISTEN", ports.signer.to_string()).env("SIGNER_INTERNAL_LISTEN", ports.internal.to_string());
    command
}

struct Ports {
    gateway: SocketAddr,
    admin: SocketAddr,
    signer: SocketAddr,
    internal: SocketAddr,
}

impl Ports {
    /// Four that were free a moment ago, each given to one start only: others start beside it.
    fn free() -> Self {
        static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
        let mut given = GIVEN.lock().unwrap();
        let mut free = || loop {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            if given.insert(address.port()) {
                return address;
            }
        };
        Self { gateway: free(), admin: free(), signer: free(), internal: free() }
    }
}
