//! What the system lets us open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not connections: listeners, catalog, log, runtime, storage's own sockets. Half, where there
/// are few.
const RESERVED: u64 = 64;
/// A connection is a socket and, while it is answered, an open file.
const PER_CONNECTION: u64 = 2;

/// Raises the limit of open files as far as it goes and says how many connections fit, up to `wanted`.
pub(super) fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let reserved = RESERVED.min(files / 2);
    let fit = usize::try_from((files - reserved) / PER_CONNECTION).unwrap_or(usize::MAX).max(1);
    let connections = wanted.min(fit);
    tracing::info!(open_files = files, connections, "limits");
    if connections < wanted {
        tracing::warn!(wanted, connections, "the limit of open files bounds connections; raise it (ulimit -n)");
    }
    connections
}
