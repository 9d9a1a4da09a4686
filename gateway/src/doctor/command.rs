//! The command line of `gateway doctor`.

use super::{
    client::Client,
    play::{Closed, play},
    report::Report,
    target::{NoTarget, Target},
};
use crate::tools::{Failed, Link};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use http::HeaderValue;
use serde_json::json;
use std::{
    io::{self, Read, Write},
    sync::Arc,
    time::Duration,
};

/// The name of the tool.
pub const NAME: &str = "doctor";
/// Of a page that no server knows by name.
const ORIGIN: &str = "https://player.example";
/// For everything together.
const TOTAL: Duration = Duration::from_secs(180);

const MORE: &str = "\
Reads a few MiB of the file at most. The link's query is never printed.

Examples:
  gateway doctor \"$URL\"
  echo \"$URL\" | gateway doctor -            keeps the link out of the shell's history
  gateway doctor --json - <link.txt | jq .score

Exit codes:
  0  nothing breaks a player, though something may cost
  1  some players are left out
  64 wrong usage, or no URL
  69 there is no file to play at this URL";

/// What is to be examined, and how.
pub struct Doctor {
    target: Target,
    origin: String,
    patience: Duration,
    as_json: bool,
}

/// Why nothing was judged: there is no file to play.
#[derive(Debug, thiserror::Error)]
#[error("{url} was not examined: {why}")]
pub struct Unexamined {
    /// Without its query.
    url: String,
    /// What came.
    why: String,
}

/// `doctor` and its arguments.
#[must_use]
pub fn command() -> Command {
    Command::new(NAME)
        .about("Plays against any server what players play, and says who cannot live with its answers")
        .after_help(MORE)
        .arg(Link::argument().help("A link to a file, http or https; - reads it from standard input"))
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object in place of the table"),
        )
        .arg(
            Arg::new("origin")
                .long("origin")
                .value_name("ORIGIN")
                .default_value(ORIGIN)
                .value_parser(origin)
                .help("The web page's origin that CORS is asked for"),
        )
        .arg(
            Arg::new("timeout")
                .long("timeout")
                .value_name("SECONDS")
                .default_value("10")
                .value_parser(value_parser!(u64).range(1..=120))
                .help("Wait this long for a connection, an answer, the next bytes"),
        )
}

/// As browsers send it, so that it can stand in a header.
fn origin(text: &str) -> Result<String, &'static str> {
    let is_header = HeaderValue::from_str(text).is_ok();
    (is_header && text.contains("://")).then(|| text.to_owned()).ok_or("must be like https://app.example")
}

impl Doctor {
    /// What the arguments of [`command`] ask for. `input` is read where they say so.
    ///
    /// # Errors
    /// The URL cannot be examined.
    pub fn read(flags: &ArgMatches, input: impl Read) -> Result<Self, NoTarget> {
        let text = |name: &str| flags.get_one::<String>(name).cloned().unwrap_or_default();
        let link = Link::read(flags, input);
        if link.is_too_long() {
            return Err(NoTarget::TooLong);
        }
        let patience = Duration::from_secs(flags.get_one("timeout").copied().unwrap_or(1));
        Ok(Self { target: link.text().parse()?, origin: text("origin"), patience, as_json: flags.get_flag("json") })
    }

    /// Examines and prints. Whether every player is served.
    ///
    /// # Errors
    /// There is no file to play, or nothing can be printed.
    pub async fn run(&self, out: &mut impl Write) -> Result<bool, Failed> {
        let client = Arc::new(Client::new(self.target.clone(), self.patience, TOTAL));
        let record = match play(&client, &self.origin).await {
            Ok(record) => record,
            Err(closed) => return Err(self.closed(&closed, out)?.into()),
        };
        let report = Report::judge(&record, &self.target);
        if self.as_json {
            writeln!(out, "{:#}", report.to_json())?;
        } else {
            write!(out, "{report}")?;
        }
        Ok(report.is_well())
    }

    /// A machine is told in the place where it would find the report.
    fn closed(&self, closed: &Closed, out: &mut impl Write) -> io::Result<Unexamined> {
        let (url, why) = (self.target.masked(&self.target.to_string()), self.target.masked(&closed.to_string()));
        if self.as_json {
            writeln!(out, "{:#}", json!({ "url": url, "error": why }))?;
        }
        Ok(Unexamined { url, why })
    }
}
