//! What a process is started with: the one place that reads the environment.

use proto::{settings::Source, storage::Aws};

/// Reads settings from the environment, and from the files that it names.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn with_environment<T>(read: impl FnOnce(&Source<'_>) -> T) -> T {
    let aws = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"));
    let aws = Aws(aws.collect());
    read(&Source {
        variable: &|name| std::env::var_os(name),
        names: &std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect::<Vec<_>>(),
        file: &|path| std::fs::read_to_string(path),
        is_shared: &is_shared,
        aws: &aws,
    })
}

/// By its mode: the group, or everybody.
fn is_shared(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o044 != 0)
}
