//! The gateway under somebody who opens its socket, and wants to know how it is.

use super::{PATIENCE, Setup};
use std::{
    io,
    net::{SocketAddrV4, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::Stdio,
    time::{Duration, Instant},
};

/// Hears what the gateway tells of itself.
pub(crate) struct Ear(UnixDatagram);

impl Setup {
    /// Handed over under this name: a listener at the public address, which stays open when the gateway ends.
    pub(crate) fn takes_over(mut self, name: &str) -> Self {
        let listener = TcpListener::bind(SocketAddrV4::new(self.address(), 8080)).expect("the address is free");
        self.socket = Some(listener);
        self.after(&format!("exec 3<&0 </dev/null && export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={name}"))
    }

    /// A shell can hand over what is its standard input.
    pub(super) fn stdin(&self) -> Stdio {
        match &self.socket {
            Some(socket) => OwnedFd::from(socket.try_clone().expect("a listener can be shared")).into(),
            None => Stdio::null(),
        }
    }

    /// With an ear for what it tells.
    pub(crate) fn heard(self) -> (Self, Ear) {
        let path = self.home().join("notify");
        let ear = UnixDatagram::bind(&path).expect("a socket in the test's folder");
        (self.set("NOTIFY_SOCKET", &path.display().to_string()), Ear(ear))
    }
}

impl Ear {
    /// The next thing told, if there is one before `bound` has passed.
    pub(crate) fn hear_within(&self, bound: Duration) -> Option<String> {
        let mut text = [0; 1024];
        self.0.set_read_timeout(Some(bound)).expect("a bound above zero");
        match self.0.recv(&mut text) {
            Ok(length) => Some(String::from_utf8_lossy(&text[..length]).into_owned()),
            Err(error) if [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until it tells this, and gives what it told with that.
    #[track_caller]
    pub(crate) fn hear(&self, line: &str) -> String {
        let start = Instant::now();
        let mut told = Vec::new();
        while start.elapsed() < PATIENCE {
            if let Some(text) = self.hear_within(PATIENCE) {
                if text.lines().any(|told| told == line) {
                    return text;
                }
                told.push(text);
            }
        }
        panic!("not told within {PATIENCE:?}: {line}, but {told:?}");
    }
}
