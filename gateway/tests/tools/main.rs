//! The gateway's tools, as somebody at a terminal runs them: what they print, and how they end.
#[path = "../harness/mod.rs"]
mod harness;

mod catalog;
mod describing;
mod explaining;
mod health;
mod hostile;
mod signing;

use harness::SECRET;
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What one said, and how it ended.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// A tool with these arguments and the tests' secret; `-` among them reads `input`.
fn tool_reading(input: &[u8], arguments: &[&str]) -> Said {
    tool_with(&[("FILE_SIGNING_SECRET", SECRET)], input, arguments)
}

/// As above, without input.
fn tool(arguments: &[&str]) -> Said {
    tool_reading(b"", arguments)
}

/// With nothing else in its environment.
fn tool_with(variables: &[(&str, &str)], input: &[u8], arguments: &[&str]) -> Said {
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

impl Said {
    /// Neither the secret nor any signature that was made, nor anything that a terminal would obey.
    #[track_caller]
    fn assert_harmless(&self) -> &Self {
        let text = format!("{}{}", self.out, self.err);
        assert!(!text.contains(SECRET), "the secret is in {text}");
        for signature in harness::signatures_made() {
            assert!(!text.to_lowercase().contains(&signature), "a signature is in {text}");
        }
        assert!(
            !text.chars().any(|letter| letter.is_control() && letter != '\n'),
            "a control character is in {text:?}"
        );
        self
    }

    #[track_caller]
    fn assert_says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.out.contains(part), "{part} is not in\n{}{}", self.out, self.err);
        }
        self
    }
}
