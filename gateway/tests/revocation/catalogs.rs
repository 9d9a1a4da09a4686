//! Catalogs as a gateway may meet them: newer than itself, or where it may not write.

use crate::harness::{self, PATIENCE, eventually};
use std::{fs, os::unix::fs::PermissionsExt};

#[test]
fn an_older_gateway_works_on_a_newer_schema() {
    let gateway = harness::setup();
    gateway.catalog().run("ALTER TABLE files ADD COLUMN of_the_future TEXT", &[]);
    let copied = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                  SELECT version + 100, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    gateway.catalog().run(copied, &[]);
    let gateway = gateway.start();
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.get(&file.url()).send().assert_whole(b"bytes");
    gateway.catalog().delete(&file);
    eventually("it is gone", PATIENCE, || (gateway.get(&file.url()).send().status() == 404).then_some(()));
}

/// While a signer has the catalog open, its log and index are there, and reading takes no right to write.
#[test]
fn a_gateway_without_the_right_to_write_reads_beside_a_writer() {
    const OTHER: u32 = 65_534;
    let setup = harness::setup();
    if !setup.catalog().is_sqlite() || !setup.storage().is_folder() {
        return;
    }
    let allow =
        |path: &std::path::Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(setup.home()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with("catalog.db")) {
            allow(&entry, 0o444);
        }
    }
    let is_root = rustix::process::geteuid().is_root();
    let setup = if is_root { setup.user(OTHER) } else { setup };
    let (home, log) = (setup.home().to_owned(), setup.home().join("log"));
    fs::File::options().append(true).create(true).open(log).unwrap();
    allow(&home, 0o555);
    let gateway = setup.start();
    allow(&home, 0o755);
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.get(&file.url()).send().assert_whole(b"bytes");
    gateway.catalog().delete(&file);
    eventually("it is gone", PATIENCE, || (gateway.get(&file.url()).send().status() == 404).then_some(()));
}

#[test]
fn a_gateway_that_is_there_before_its_catalog_waits_for_it() {
    let setup = harness::setup();
    if !setup.catalog().is_sqlite() {
        return;
    }
    let later = setup.home().join("later");
    let url = format!("sqlite://{}", later.join("catalog.db").display());
    let gateway = setup.set("DATABASE_URL", &url).start_unready();
    eventually("it says that it is not ready", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.get(&file.url()).send().assert_error_code(503, "catalog_unavailable");
    assert!(!later.exists(), "it makes nothing itself");
    std::os::unix::fs::symlink(gateway.home(), &later).unwrap();
    gateway.await_ready();
    gateway.get(&file.url()).send().assert_whole(b"bytes");
}
