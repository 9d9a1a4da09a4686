//! What the system lets us open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not connections: listeners, catalog, log, runtime, storage's own sockets. Half, where there
/// are few.
const RESERVED: u64 = 64;
/// A connection is a socket and, while it uploads, a staged file or a socket to storage.
const PER_CONNECTION: u64 = 2;

/// Raises the limit of open files as far as it goes and says how many connections fit, up to `wanted`.
pub(super) fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let connections = wanted.min(fit(files));
    if connections < wanted {
        tracing::warn!(wanted, connections, "the limit of open files bounds connections; raise it (ulimit -n)");
    }
    connections
}

/// How many connections fit in so many descriptors: one at least.
fn fit(files: u64) -> usize {
    let room = (files - RESERVED.min(files / 2)) / PER_CONNECTION;
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_in_what_is_not_reserved() {
        for (files, fitting) in [(0, 1), (1, 1), (64, 16), (1024, 480), (8256, 4096)] {
            assert_eq!(fit(files), fitting, "{files}");
        }
    }
}
