//! `--help`, `completions` and `man`: every tool is in them, with its settings, examples and exit codes.

use crate::{tool, tool_with};

const TOOLS: [&str; 5] = ["sign", "verify", "explain", "health", "doctor"];

#[test]
fn help_of_each_tool_has_its_settings_examples_and_exit_codes() {
    let help = tool(&["--help"]);
    help.assert_says(&TOOLS).assert_says(&["completions", "man", "--gateway-listen", "Examples:", "Exit codes:"]);
    for name in TOOLS.into_iter().chain(["completions", "man"]) {
        let said = tool(&[name, "--help"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        said.assert_says(&["Usage: gateway ", "Examples:\n  ", "Exit codes:\n  0  ", "64 wrong usage"]);
    }
    tool(&["sign", "--help"]).assert_says(&["--file-signing-secret-file", "--expires-in", "Settings:"]);
    assert!(!tool(&["sign", "--help"]).out.contains("--file-signing-secret "), "a secret is no flag of a tool");
    assert!(!tool(&["health", "--help"]).out.contains("--storage-url"), "what it does not take");
}

#[test]
fn every_shell_gets_completions_and_every_tool_a_page_without_any_setting() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = tool_with(&[], b"", &["completions", shell]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        said.assert_says(&TOOLS).assert_says(&["disposition", "gateway-admin-listen"]);
    }
    tool_with(&[], b"", &["man"]).assert_says(&[".TH gateway 1", "gateway\\-sign(1)", ".SH \"EXIT STATUS\""]);
    for name in TOOLS {
        let title = format!(".TH gateway-{name} 1");
        tool_with(&[], b"", &["man", name]).assert_says(&[&title, ".SH EXAMPLES", ".SH \"EXIT STATUS\""]);
    }
    for wrong in [&["completions"][..], &["completions", "csh"], &["man", "serve"], &["man", "man", "man"]] {
        assert_eq!(tool(wrong).code, 64, "{wrong:?}");
    }
}
