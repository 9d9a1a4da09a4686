//! The gateway's tools, as somebody at a terminal runs them: what they print, and how they end.
#[path = "../harness/mod.rs"]
mod harness;

mod catalog;
mod describing;
mod explaining;
mod health;
mod hostile;
mod signing;

use harness::{SECRET, Said, tool_with};

/// A tool with these arguments and the tests' secret; `-` among them reads `input`.
fn tool_reading(input: &[u8], arguments: &[&str]) -> Said {
    tool_with(&[("FILE_SIGNING_SECRET", SECRET)], input, arguments)
}

/// As above, without input.
fn tool(arguments: &[&str]) -> Said {
    tool_reading(b"", arguments)
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
