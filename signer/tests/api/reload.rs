//! SIGHUP: the process reads its secrets' files again.

use crate::harness::{Call, OTHER_KEY, Server, public_pem, token};
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use signer::identity::{Identity, Key, KeySource, Rules};
use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Stdio},
};
use tempfile::TempDir;

/// The signer as a process of its own; ends with the test.
struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    folder: TempDir,
}

impl Process {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("clerk.pem"), public_pem()).unwrap();
        fs::write(at("secret"), "0123456789abcdef0123456789abcdef").unwrap();
        fs::write(at("tokens"), service_token("first")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_signer"))
            .env_clear()
            .env("SIGNER_LISTEN", "127.0.0.1:0")
            .env("SIGNER_INTERNAL_LISTEN", "127.0.0.1:0")
            .env("PUBLIC_FILES_URL", "https://files.example.com")
            .env("STORAGE_URL", format!("file://{}", at("files")))
            .env("DATABASE_URL", format!("sqlite://{}", at("catalog.db")))
            .env("FILE_SIGNING_SECRET_FILE", at("secret"))
            .env("CLERK_JWT_KEY_FILE", at("clerk.pem"))
            .env("SIGNER_SERVICE_TOKENS_FILE", at("tokens"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log, folder }
    }

    /// Waits for a line of the log that holds this.
    fn says(&mut self, part: &str) -> String {
        self.log.by_ref().map(Result::unwrap).find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}"))
    }

    fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn service_token(token: &str) -> String {
    format!("main-api:{}\n", hex::encode(Sha256::digest(token)))
}

/// Where a process that says this listens for these.
fn address(listening: &str, name: &str) -> SocketAddr {
    listening.split(&format!("{name}=")).nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap()
}

/// The statuses of a token by the first key and of one by the other.
async fn statuses(api: SocketAddr) -> (u16, u16) {
    let status = async |token: String| Call::new(api, "GET", "/api/files").bearer(&token).send().await.status;
    (status(token("user_1").signed()).await, status(token("user_1").signed_by(&OTHER_KEY)).await)
}

#[tokio::test]
async fn a_replaced_identity_judges_from_then_on() {
    let server = Server::start().await;
    assert_eq!(statuses(server.api).await, (200, 401));
    let keys = KeySource::Pem(Key::from_pem(&OTHER_KEY.public_key_pem()).unwrap());
    let rules = Rules { audience: "t2m-api".into(), ..Rules::default() };
    server.signer.replace_identity(Identity { keys, rules, webhooks: None });
    assert_eq!(statuses(server.api).await, (401, 200));
}

#[tokio::test]
async fn a_hang_up_reads_the_secrets_again_and_keeps_what_has_no_usable_successor() {
    let mut process = Process::start();
    let listening = process.says("listening");
    let api = address(&listening, "api");
    assert_eq!(statuses(api).await, (200, 401));

    process.write("clerk.pem", &OTHER_KEY.public_key_pem());
    process.write("secret", "too short");
    process.hang_up();
    let reason = process.says("signing keys kept as before");
    assert!(reason.contains("32 bytes") && !reason.contains("too short"), "{reason}");
    process.says("identity read again");
    assert_eq!(statuses(api).await, (401, 200));

    process.write("clerk.pem", "no key");
    process.write("secret", "fedcba9876543210fedcba9876543210");
    process.hang_up();
    process.says("signing keys read again");
    assert!(process.says("identity kept as before").contains("CLERK_JWT_KEY must be a PEM text"));
    assert_eq!(statuses(api).await, (401, 200));
}

#[tokio::test]
async fn a_hang_up_reads_the_services_tokens_again() {
    let mut process = Process::start();
    let internal = address(&process.says("listening"), "internal");
    let status = async |token: &str| Call::new(internal, "POST", "/internal/files").bearer(token).send().await.status;
    assert_eq!((status("first").await, status("second").await), (400, 401));
    process.write("tokens", "main-api:second");
    process.hang_up();
    let reason = process.says("service tokens kept as before");
    assert!(reason.contains("SIGNER_SERVICE_TOKENS must be") && !reason.contains("second"), "{reason}");
    assert_eq!((status("first").await, status("second").await), (400, 401));
    process.write("tokens", &service_token("second"));
    process.hang_up();
    process.says("service tokens read again");
    assert_eq!((status("first").await, status("second").await), (401, 400));
}
