//! The signer as a process of its own; ends with the test.

use super::{Call, Resumable, aws, config, make_schema, object, variables};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};
use tempfile::TempDir;

pub(crate) type Variables = Vec<(&'static str, String)>;

/// A process, and the folder that its variables name.
pub(crate) struct Process {
    pub(crate) api: SocketAddr,
    pub(crate) internal: SocketAddr,
    child: Running,
    log: Receiver<String>,
    variables: Variables,
    folder: TempDir,
}

impl Process {
    /// With the usual variables, and a catalog of its own.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = variables(&folder);
        make_schema(&config(&variables).unwrap().catalog).await;
        Self::of(folder, variables)
    }

    /// With these variables and no others. Waits until it serves.
    pub(crate) fn of(folder: TempDir, variables: Variables) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signer"))
            .env_clear()
            .envs(aws().0)
            .env("SIGNER_LISTEN", "127.0.0.1:0")
            .env("SIGNER_INTERNAL_LISTEN", "127.0.0.1:0")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = drained(child.stderr.take().unwrap());
        let listening = find(&log, "listening");
        let (api, internal) = (address(&listening, "api"), address(&listening, "internal"));
        Self { api, internal, child: Running(child), log, variables, folder }
    }

    /// As after a power cut, but for what the disk had not been told to keep.
    pub(crate) fn killed_and_started_again(self) -> Self {
        let Self { child, variables, folder, .. } = self;
        drop(child);
        Self::of(folder, variables)
    }

    /// Waits for a line of the log that holds this.
    pub(crate) fn says(&self, part: &str) -> String {
        find(&self.log, part)
    }

    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child.0), Signal::HUP).unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Begins an upload of this length, and returns it.
    pub(crate) async fn begun(&self, user: &str, length: usize) -> Resumable {
        let creation = Call::new(self.api, "POST", "/api/files/tus").header("tus-resumable", "1.0.0").by(user);
        let answer = creation.header("upload-length", &length.to_string()).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Resumable { api: self.api, path: answer.header("location").to_owned() }
    }

    /// The file, as its owner sees it.
    pub(crate) async fn file(&self, owner: &str, id: &str) -> Value {
        let answer = Call::new(self.api, "GET", &format!("/api/files/{id}")).by(owner).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"]["file"].clone()
    }

    /// The bytes of an object.
    pub(crate) async fn object(&self, key: &str) -> Vec<u8> {
        object(&config(&self.variables).unwrap(), key).await
    }
}

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines of a log, which is read to its end whoever listens: a full pipe would stop the process.
fn drained(log: ChildStderr) -> Receiver<String> {
    let (lines, log_lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
    log_lines
}

fn find(log: &Receiver<String>, part: &str) -> String {
    log.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}"))
}

/// Where a process that says this listens for these.
fn address(listening: &str, name: &str) -> SocketAddr {
    listening.split(&format!("{name}=")).nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap()
}
