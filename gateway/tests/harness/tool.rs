//! The gateway's tools, as somebody at a terminal runs them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What one said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A tool with nothing else in its environment; `-` among its arguments reads `input`.
pub(crate) fn tool_with(variables: &[(&str, &str)], input: &[u8], arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the gateway can be run");
    // One that has read enough does not read the rest.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    Said { code: output.status.code().expect("no signal ends it"), out: text(output.stdout), err: text(output.stderr) }
}
