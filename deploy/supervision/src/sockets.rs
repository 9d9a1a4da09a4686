//! Socket activation: a listener that somebody else opened (`LISTEN_FDS`, `LISTEN_FDNAMES`) stays open while this
//! process is replaced, and whoever connects meanwhile waits in its queue instead of being refused.

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use std::{
    io,
    net::{SocketAddr, TcpListener},
};
use tokio::net;

/// The listeners that were handed over, each under the name by which the service asks for it.
#[derive(Debug, Default)]
pub struct Sockets(Vec<(&'static str, TcpListener)>);

/// A hand-over that is not understood: nothing is guessed of who may reach what.
#[derive(Debug, thiserror::Error)]
pub enum HandOver {
    /// Its name is none that the service asks for.
    #[error("a socket was handed over as {name:?} (FileDescriptorName=); expected is one of: {expected}")]
    UnknownName {
        /// As it was given.
        name: String,
        /// With commas.
        expected: String,
    },
    /// Which of them to take?
    #[error("two sockets were handed over as {0:?}; one takes connections of IPv4 and IPv6 alike")]
    Twice(&'static str),
    /// Not one name a socket.
    #[error("{sockets} sockets were handed over, with {names} names")]
    Count {
        /// `LISTEN_FDS`.
        sockets: usize,
        /// In `LISTEN_FDNAMES`.
        names: usize,
    },
    /// It takes no connections.
    #[error("what was handed over as {name:?} is no listening TCP socket: {error}")]
    NoListener {
        /// Its name.
        name: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

/// The address of a setting cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({setting})")]
pub struct CannotListen {
    address: SocketAddr,
    setting: &'static str,
    source: io::Error,
}

impl Sockets {
    /// Takes what was handed over to this process, by the names that the service asks for; a single socket without a
    /// name goes by the first of them. Before any thread is started: it changes the environment, so that no child of
    /// this process takes itself for the heir.
    ///
    /// # Errors
    /// A hand-over that is not understood.
    pub fn inherit(expected: &[&'static str]) -> Result<Self, HandOver> {
        let names = names();
        let mut given = ListenFd::from_env();
        let names = assign(names.as_deref(), given.len(), expected)?;
        let listeners = names.into_iter().enumerate().map(|(index, name)| {
            let listener = take(&mut given, index).map_err(|error| HandOver::NoListener { name, error })?;
            Ok((name, listener))
        });
        listeners.collect::<Result<_, _>>().map(Self)
    }

    /// The listener of this name, or else a new one at the address that this setting gave.
    ///
    /// # Errors
    /// The address cannot be listened on.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn listen(
        &mut self,
        name: &str,
        address: SocketAddr,
        setting: &'static str,
    ) -> Result<net::TcpListener, CannotListen> {
        let given = self.0.iter().position(|(given, _)| *given == name).map(|index| self.0.swap_remove(index));
        let listener = match given {
            Some((_, listener)) => adopt(listener),
            None => net::TcpListener::bind(address).await,
        };
        listener.map_err(|source| CannotListen { address, setting, source })
    }
}

fn adopt(listener: TcpListener) -> io::Result<net::TcpListener> {
    listener.set_nonblocking(true)?;
    net::TcpListener::from_std(listener)
}

#[expect(clippy::disallowed_methods, reason = "part of the hand-over, which goes through the environment")]
fn names() -> Option<String> {
    std::env::var("LISTEN_FDNAMES").ok()
}

fn take(given: &mut ListenFd, index: usize) -> io::Result<TcpListener> {
    let listener = given.take_tcp_listener(index)?.ok_or(io::ErrorKind::NotFound)?;
    if !socket_acceptconn(&listener)? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
    }
    Ok(listener)
}

/// A name for each socket, in their order.
fn assign(names: Option<&str>, sockets: usize, expected: &[&'static str]) -> Result<Vec<&'static str>, HandOver> {
    let names: Vec<_> = match names {
        _ if sockets == 0 => return Ok(Vec::new()),
        None | Some("" | "unknown") if sockets == 1 => return Ok(expected.iter().copied().take(1).collect()),
        names => names.unwrap_or_default().split(':').filter(|name| !name.is_empty()).collect(),
    };
    if names.len() != sockets {
        return Err(HandOver::Count { sockets, names: names.len() });
    }
    let mut assigned = Vec::with_capacity(sockets);
    for name in names {
        let known = expected.iter().copied().find(|known| *known == name);
        let unknown = || HandOver::UnknownName { name: name.into(), expected: expected.join(", ") };
        let known = known.ok_or_else(unknown)?;
        if assigned.contains(&known) {
            return Err(HandOver::Twice(known));
        }
        assigned.push(known);
    }
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: [&str; 2] = ["files", "admin"];

    fn assigned(names: Option<&str>, sockets: usize) -> Result<Vec<&'static str>, String> {
        assign(names, sockets, &EXPECTED).map_err(|error| error.to_string())
    }

    #[test]
    fn each_socket_goes_by_its_name_whatever_their_order() {
        assert_eq!(assigned(Some("admin:files"), 2), Ok(vec!["admin", "files"]));
        assert_eq!(assigned(Some("admin"), 1), Ok(vec!["admin"]));
    }

    #[test]
    fn one_without_a_name_is_the_first() {
        for names in [None, Some(""), Some("unknown")] {
            assert_eq!(assigned(names, 1), Ok(vec!["files"]), "{names:?}");
        }
    }

    #[test]
    fn without_sockets_names_mean_nothing() {
        for names in [None, Some("files:admin"), Some("nobody")] {
            assert_eq!(assigned(names, 0), Ok(vec![]), "{names:?}");
        }
    }

    #[test]
    fn nothing_is_guessed_of_what_is_not_understood() {
        for (names, sockets, why) in [
            (Some("files:metrics"), 2, "expected is one of: files, admin"),
            (Some("files-gateway.socket"), 1, "expected is one of: files, admin"),
            (Some("files:files"), 2, "two sockets were handed over as \"files\""),
            (Some("files"), 2, "2 sockets were handed over, with 1 names"),
            (None, 2, "2 sockets were handed over, with 0 names"),
            (Some("files:admin:more"), 2, "2 sockets were handed over, with 3 names"),
        ] {
            let refused = assigned(names, sockets).unwrap_err();
            assert!(refused.contains(why), "{names:?}: {refused}");
        }
    }
}
