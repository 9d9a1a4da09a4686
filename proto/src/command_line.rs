//! The command line of a program: its settings as flags, its tools as subcommands, and what is made of the same
//! definitions for whoever types it: `--help`, `completions` for a shell and `man` pages.
//!
//! Nothing is printed here; texts are returned.

mod pages;

use crate::{log_line::Format, settings::Setting};
use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use clap_complete::Shell;
use std::{collections::BTreeSet, ffi::OsString};

/// The exit code of a tool that could not do what it is for: `EX_UNAVAILABLE`.
pub const EXIT_UNAVAILABLE: i32 = 69;

const COMPLETIONS: &str = "completions";
const MAN: &str = "man";
/// No flag of ours is as long as this.
const LONGEST_FLAG: usize = 48;
/// A longer word that is no flag may be a link, a signature, a secret.
const LONGEST_WORD: usize = 20;

/// What is to be said instead of doing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// For standard output; for standard error if it is a mistake.
    pub text: String,
    /// That this is no command line, with exit code [`crate::settings::EXIT_USAGE`].
    pub is_mistake: bool,
}

/// A program that takes every setting of the tables as a flag, and these tools beside `completions` and `man`. A setting in
/// two tables is one flag.
#[must_use]
pub fn program(name: &'static str, about: &'static str, tables: &[&[Setting]], tools: Vec<Command>) -> Command {
    let names: Vec<_> = tools.iter().map(|tool| tool.get_name().to_owned()).collect();
    let program = Command::new(name).about(about).version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    let program = each_once(tables).fold(program, |program, setting| {
        let help = format!("{} [env: {}]{}", setting.help, setting.name, default_note(setting));
        with_file(program.arg(flag(setting.name, help)), setting)
    });
    program.subcommands(tools).subcommand(completions(name)).subcommand(man(name, names))
}

/// A tool that takes those settings of the tables that are named. They may stand before it too. A secret is taken from the
/// environment and from its file only: other accounts can read a command line.
#[must_use]
pub fn tool(tool: Command, tables: &[&[Setting]], names: &[&str]) -> Command {
    each_once(tables).filter(|setting| names.contains(&setting.name)).fold(tool, |tool, setting| {
        if setting.secret {
            return with_file(tool, setting);
        }
        let help = format!("{} [env: {}]{}", setting.help, setting.name, default_note(setting));
        with_file(tool.arg(flag(setting.name, help).help_heading("Settings")), setting)
    })
}

/// Reads the arguments of a process, its name first.
///
/// # Errors
/// The answer to `--help`, `--version`, `completions` and `man`, and to what is no command line of the program.
pub fn parse(program: &Command, arguments: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, Answer> {
    let flags = program.clone().try_get_matches_from(arguments).map_err(|said| answer(&said))?;
    match described(program.clone(), &flags) {
        Some(text) => Err(Answer { text, is_mistake: false }),
        None => Ok(flags),
    }
}

fn answer(said: &clap::Error) -> Answer {
    let text = said.render().to_string();
    let text = text.trim_end();
    if said.use_stderr() {
        Answer { text: harmless(text), is_mistake: true }
    } else {
        Answer { text: text.into(), is_mistake: false }
    }
}

/// A mistake repeats what was typed, or pasted by mistake.
fn harmless(text: &str) -> String {
    let word = |word: &str| {
        let is_flag = word.trim_start_matches(['\'', '<', '[', '(']).starts_with("--");
        let longest = if is_flag { LONGEST_FLAG } else { LONGEST_WORD };
        let is_secret = word.len() > longest || word.contains(['?', '&']);
        if is_secret { "[not shown]".into() } else { Format::Text.tame(word).into_owned() }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn completions(program: &str) -> Command {
    let shell = Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell));
    Command::new(COMPLETIONS)
        .about("Prints what a shell needs to complete this program's command line")
        .arg(shell.help("The shell that is to read it"))
        .after_help(format!(
            "Examples:\n  \
             source <({program} completions bash)\n  \
             {program} completions fish > ~/.config/fish/completions/{program}.fish\n\n\
             Exit codes:\n  0  printed\n  64 wrong usage"
        ))
}

fn man(program: &str, tools: Vec<String>) -> Command {
    let of_a_tool =
        tools.first().map(|tool| format!("  {program} man {tool} > /usr/local/share/man/man1/{program}-{tool}.1\n"));
    let tool = Arg::new("tool").value_name("TOOL").value_parser(PossibleValuesParser::new(tools));
    Command::new(MAN)
        .about("Prints the manual page of this program, or of one of its tools")
        .arg(tool.help("The tool; without one it is the program's own page"))
        .after_help(format!(
            "Examples:\n  {program} man | man -l -\n{}\nExit codes:\n  0  printed\n  64 wrong usage",
            of_a_tool.unwrap_or_default()
        ))
}

fn described(mut program: Command, flags: &ArgMatches) -> Option<String> {
    let (name, own) = flags.subcommand()?;
    match name {
        COMPLETIONS => {
            let (name, mut script) = (program.get_name().to_owned(), Vec::new());
            clap_complete::generate(*own.get_one::<Shell>("shell")?, &mut program, name, &mut script);
            String::from_utf8(script).ok()
        }
        MAN => pages::page(program, own.get_one::<String>("tool").map(String::as_str)),
        _ => None,
    }
}

fn each_once<'a>(tables: &'a [&'a [Setting]]) -> impl Iterator<Item = &'a Setting> {
    let mut seen = BTreeSet::new();
    tables.iter().copied().flatten().filter(move |setting| seen.insert(setting.name))
}

fn with_file(command: Command, setting: &Setting) -> Command {
    if !setting.has_file() {
        return command;
    }
    let file = format!("{}_FILE", setting.name);
    let again = if setting.secret { ", read again on SIGHUP" } else { "" };
    let help = format!("A file that holds {}{again} [env: {file}]", setting.name);
    command.arg(flag(&file, help))
}

fn flag(name: &str, help: String) -> Arg {
    Arg::new(name.to_owned()).long(name.to_ascii_lowercase().replace('_', "-")).value_name("VALUE").help(help)
}

fn default_note(setting: &Setting) -> String {
    setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Setting] = &[
        Setting::new("DEPTH", "3", "How deep"),
        Setting::unset("NAME", "What it is called"),
        Setting::secret("PASSWORD", "Kept"),
    ];

    fn diving() -> Command {
        let dive = Command::new("dive").about("Goes down").arg(Arg::new("where"));
        let dive = tool(dive, &[TABLE], &["DEPTH", "PASSWORD"]);
        program(
            "boat",
            "A boat",
            &[TABLE, TABLE],
            vec![dive.after_help("Examples:\n  boat dive\n\nExit codes:\n  0  down")],
        )
    }

    fn parsed(arguments: &[&str]) -> Result<ArgMatches, Answer> {
        parse(&diving(), ["boat"].iter().chain(arguments).map(Into::into))
    }

    fn said(arguments: &[&str]) -> String {
        let answer = parsed(arguments).unwrap_err();
        assert!(!answer.is_mistake, "{answer:?}");
        answer.text
    }

    #[test]
    fn a_program_takes_every_setting_and_a_tool_those_that_are_its_own() {
        let help = said(&["--help"]);
        for flag in ["--depth", "--name", "--password ", "--password-file", "dive", "completions", "man"] {
            assert!(help.contains(flag), "{flag}: {help}");
        }
        let help = said(&["dive", "--help"]);
        assert!(help.contains("--depth") && help.contains("--password-file") && help.contains("boat dive"), "{help}");
        assert!(!help.contains("--name") && !help.contains("--password "), "{help}");
        assert!(parsed(&["--depth", "4", "dive", "--depth", "5", "here"]).is_ok());
        diving().debug_assert();
    }

    #[test]
    fn examples_are_of_this_program_and_its_tools() {
        let help = said(&["completions", "--help"]) + &said(&["man", "--help"]);
        for part in ["<(boat completions bash)", "completions/boat.fish", "  boat man | man -l -\n", "boat man dive > "]
        {
            assert!(help.contains(part), "{part}: {help}");
        }
    }

    #[test]
    fn completions_know_every_tool_and_flag() {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let script = said(&["completions", shell]);
            for word in ["dive", "password-file", "completions"] {
                assert!(script.contains(word), "{word} in {shell}");
            }
        }
        assert!(parsed(&["completions", "csh"]).unwrap_err().is_mistake);
    }

    #[test]
    fn a_mistake_shows_no_link_no_long_word_and_no_control_character() {
        let link = "https://files.example.com/files/secure/a?user_id=b&signature=hidden";
        let digits = "hidden".repeat(10);
        let named = format!("key {}", "hidden".repeat(6));
        let flag = format!("--{}", &named[4..]).replacen("hid", "a=hid", 1);
        for odd in [
            &["dive", "a", link][..],
            &["dive", "a", &digits],
            &["dive", "a", &named],
            &["completions", &named],
            &["dive", &flag],
            &["dive", "--depth", "1", "--depth", &flag],
            &["dive", "--\u{1b}[31m\rred"],
            &[link],
            &["--depth"],
        ] {
            let answer = parsed(odd).unwrap_err();
            assert!(answer.is_mistake, "{odd:?}");
            assert!(!answer.text.contains("hidden"), "{}", answer.text);
            assert!(!answer.text.chars().any(|letter| letter.is_control() && letter != '\n'), "{:?}", answer.text);
        }
        assert!(parsed(&["--deptth", "4"]).unwrap_err().text.contains("--deptth"), "what is short is shown");
    }
}
