//! The signer as a process of its own, and what it says.

use super::{Call, Resumable, SECRET, aws, config, make_schema, public_pem, variables};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// Ends with the test.
pub(crate) struct Process {
    child: Running,
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// How much of its log was looked at.
    heard: usize,
    pub(crate) api: SocketAddr,
    pub(crate) internal: SocketAddr,
}

impl Process {
    pub(crate) fn start() -> Self {
        Self::given(&[])
    }

    /// With these variables beside the usual ones, listening.
    pub(crate) fn given(variables: &[(&str, &str)]) -> Self {
        Self::run(tempfile::tempdir().unwrap(), variables.iter().map(|(name, value)| (*name, *value)))
    }

    /// On the storage and the catalog that these tests are run on.
    pub(crate) async fn on_given_parts() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let usual = variables(&folder);
        make_schema(&config(&usual).unwrap().catalog).await;
        let parts = usual.into_iter().filter(|(name, _)| ["STORAGE_URL", "DATABASE_URL"].contains(name));
        let variables: Vec<_> = parts.map(|(name, value)| (name.to_owned(), value)).chain(aws().0).collect();
        Self::run(folder, variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// As after a power cut, but for what the disk had not been told to keep.
    pub(crate) fn killed_and_started_again(self) -> Self {
        let Self { child, folder, variables, .. } = self;
        drop(child);
        Self::run(folder, variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    fn run<'a>(folder: TempDir, variables: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_signer"));
        program.stdin(Stdio::null());
        Self::spawn(program, folder, variables).listening()
    }

    /// `program` becomes the signer.
    pub(super) fn spawn<'a>(
        mut program: Command,
        folder: TempDir,
        variables: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Self {
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("clerk.pem"), public_pem()).unwrap();
        fs::write(at("secret"), SECRET).unwrap();
        fs::write(at("tokens"), service_token("first")).unwrap();
        let child = program
            .env_clear()
            .env("SIGNER_LISTEN", "127.0.0.1:0")
            .env("SIGNER_INTERNAL_LISTEN", "127.0.0.1:0")
            .env("PUBLIC_FILES_URL", "https://files.example.com")
            .env("STORAGE_URL", format!("file://{}", at("files")))
            .env("DATABASE_URL", format!("sqlite://{}", at("catalog.db")))
            .env("FILE_SIGNING_SECRET_FILE", at("secret"))
            .env("CLERK_JWT_KEY_FILE", at("clerk.pem"))
            .env("SIGNER_SERVICE_TOKENS_FILE", at("tokens"))
            .envs(variables.clone())
            // A file, not a pipe: whoever does not read it does not hold the process up.
            .stderr(fs::File::create(at("log")).unwrap())
            .spawn()
            .unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let child = Running(child);
        Self { child, folder, variables, heard: 0, api: nowhere, internal: nowhere }
    }

    /// Once it does.
    pub(super) fn listening(mut self) -> Self {
        let listening = self.says("listening");
        (self.api, self.internal) = (address(&listening, "api"), address(&listening, "internal"));
        self
    }

    /// The code it ends with by itself, and its log.
    pub(super) fn ended(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                return (status.code(), self.log());
            }
            sleep(Duration::from_millis(20));
        }
        panic!("it goes on: {}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Waits for a line of the log that holds this, after the one that was waited for last.
    pub(crate) fn says(&mut self, part: &str) -> String {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let log = self.log();
            for line in log[self.heard..].split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                self.heard += line.len();
                if line.contains(part) {
                    return line.trim_end().to_owned();
                }
            }
            assert!(self.child.0.try_wait().unwrap().is_none(), "it ended without {part}");
            sleep(Duration::from_millis(20));
        }
        panic!("no {part}");
    }

    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child.0), Signal::HUP).unwrap();
    }

    /// In one step: the signer finds all of the old text or all of the new.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.path().join(file)).unwrap();
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
}

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As the setting names a service's token.
pub(crate) fn service_token(token: &str) -> String {
    format!("main-api:{}\n", hex::encode(Sha256::digest(token)))
}

/// Where a process that says this listens for these: `api=127.0.0.1:1`, or `"api":"127.0.0.1:1"`.
fn address(listening: &str, name: &str) -> SocketAddr {
    let after = listening.split(name).nth(1).unwrap().trim_start_matches(['=', '"', ':']);
    after.split([' ', '"']).next().unwrap().parse().unwrap()
}
