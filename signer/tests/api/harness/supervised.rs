//! The signer under somebody who opens the API's socket.

use super::Process;
use std::{net::TcpListener, os::fd::OwnedFd, process::Command};

/// A shell can hand over what is its standard input.
const HAND_OVER: &str = "exec 3<&0 </dev/null && export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=api && exec \"$0\"";

impl Process {
    /// Listening on what is handed over.
    pub(crate) fn on(socket: &TcpListener, variables: &[(&str, &str)]) -> Self {
        Self::handed(socket, variables).listening()
    }

    /// The code it ends with by itself, and its log.
    pub(crate) fn ends_on(socket: &TcpListener, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        Self::handed(socket, variables).ended()
    }

    fn handed(socket: &TcpListener, variables: &[(&str, &str)]) -> Self {
        let mut program = Command::new("/bin/sh");
        program.args(["-c", HAND_OVER, env!("CARGO_BIN_EXE_signer")]);
        program.stdin(OwnedFd::from(socket.try_clone().expect("a listener can be shared")));
        Self::spawn(program, tempfile::tempdir().unwrap(), variables.iter().copied())
    }
}
