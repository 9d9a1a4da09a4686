//! `signer import`: what storage holds already becomes files, as by `POST /internal/files`, for as many objects as there
//! are.
//!
//! | part | where |
//! |---|---|
//! | a table's records, one at a time | `table` |
//! | what a record says, or a path | `columns` |
//! | the rule that reads a path | `rule` |
//! | the doing | `run` |
//! | what is told | `report` |
//!
//! Nothing is held in memory but one batch. Done again, what is there is refreshed and keeps its id, so an import that was
//! interrupted is begun anew.

mod columns;
mod report;
mod rule;
mod run;
mod table;

pub use report::Summary;

use crate::{
    CatalogOpenError, Error, StorageOpenError, catalog::Catalog, registration::checked_path, storage::Storage,
};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use columns::{Columns, told_by_path};
use futures_util::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use proto::{
    settings::Settings,
    storage::{Aws, CatalogUrl, StorageUrl},
};
use report::Report;
use rule::Rule;
use run::{Asked, Run};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};
use table::{Record, Table};

/// The subcommand's name.
pub const NAME: &str = "import";

const ABOUT: &str = "Registers objects that storage holds already as files of their owners";
const MORE: &str = "\
Looks below STORAGE_URL and writes into DATABASE_URL, whose schema a signer has made, and needs no other setting. Signers \
may run meanwhile. Size and ETag are read from storage; nothing in storage is changed, and nothing below managed/ is taken. \
Again, and what is there is refreshed and keeps its id.

A table has a header with path and user_id, and if wanted filename, content_type, job_id, created_at (RFC 3339) and file_id: \
the id that the object's links name already. A path is below STORAGE_URL.

A rule is text with {user_id}, and if wanted {filename}, {job_id} and {file_id} in it; {any} is a part that says nothing, \
{rest} at the end one over several folders.

Standard output is a table of path and file_id. Standard error has a line for each object that was refused, with its line in \
the table or its path, and how it all stands.

Examples:
  signer import --csv files.csv --dry-run
  signer import --csv files.csv > ids.csv
  signer import --rule 'users/{user_id}/{filename}' --prefix users

Exit codes:
  0  all were registered
  1  some were refused
  64 wrong usage
  69 it could not be done to the end";

/// What is to be registered, and where.
#[derive(Debug)]
pub struct Import {
    storage: StorageUrl,
    aws: Aws,
    catalog: CatalogUrl,
    owners: Owners,
    is_rehearsal: bool,
}

/// Who says whose files they are.
#[derive(Debug)]
enum Owners {
    Table(PathBuf),
    Listing { rule: Rule, prefix: String },
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The table cannot be what it should be.
    #[error("the table has {0}")]
    Header(String),
    /// The table cannot be read.
    #[error("the table cannot be read")]
    Table(#[source] io::Error),
    /// The catalog could not be opened.
    #[error("the catalog cannot be opened")]
    Catalog(#[from] CatalogOpenError),
    /// Storage could not be opened.
    #[error("storage cannot be opened")]
    Storage(#[from] StorageOpenError),
    /// Either was away, or answered nonsense.
    #[error("stopped")]
    Stopped(#[source] Error),
    /// Nobody takes what is printed.
    #[error("the files cannot be printed")]
    Output(#[from] io::Error),
}

impl Failed {
    /// Whether it was asked for wrongly.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Header(_))
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Stopped(error)
    }
}

/// The subcommand, beside the settings that are flags.
#[must_use]
pub fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(value_parser!(String)).help(help)
    };
    Command::new(NAME)
        .about(ABOUT)
        .after_help(MORE)
        .arg(option("csv", "FILE", "A table that names each object and its owner; /dev/stdin is one too"))
        .arg(option("rule", "RULE", "Tells owners from paths, such as users/{user_id}/{filename}"))
        .arg(option("prefix", "PATH", "With a rule: only what lies below this folder").conflicts_with("csv"))
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Tell what would be done, and write nothing"),
        )
        .group(ArgGroup::new("owners").args(["csv", "rule"]).required(true))
}

impl Import {
    /// Reads what it takes; mistakes stay noted in `settings`.
    #[must_use]
    pub fn read(settings: &mut Settings, flags: &ArgMatches) -> Option<Self> {
        let storage = settings.required("STORAGE_URL").and_then(|_| settings.parsed("STORAGE_URL", str::parse));
        let catalog = settings.required("DATABASE_URL").and_then(|_| settings.parsed("DATABASE_URL", str::parse));
        let owners = Owners::read(settings, flags);
        let (aws, is_rehearsal) = (settings.aws().clone(), flags.get_flag("dry-run"));
        Some(Self { storage: storage?, aws, catalog: catalog?, owners: owners?, is_rehearsal })
    }

    /// Registers everything that is asked for. `files` gets the ids, `people` what was refused and how it all stands.
    ///
    /// # Errors
    /// It could not be done, or not to the end.
    pub async fn run(&self, files: impl Write + Send, people: impl Write + Send) -> Result<Summary, Failed> {
        let storage = Storage::open_existing(&self.storage, &self.aws).await?;
        let asked = self.owners.asked(&storage).await?;
        let catalog = Catalog::open_existing(&self.catalog).await?;
        let done = self
            .register(&catalog, &storage, asked, Report::begin(BufWriter::new(files), people, self.is_rehearsal)?)
            .await;
        catalog.close().await;
        done
    }

    async fn register<O: Write, E: Write>(
        &self,
        catalog: &Catalog,
        storage: &Storage,
        asked: BoxStream<'_, Result<Asked, Failed>>,
        report: Report<O, E>,
    ) -> Result<Summary, Failed> {
        let mut run = Run { catalog, storage, report, is_rehearsal: self.is_rehearsal, failures: 0 };
        let done = run.all(asked).await;
        let summary = run.report.end()?;
        done.map(|()| summary)
    }
}

impl Owners {
    fn read(settings: &mut Settings, flags: &ArgMatches) -> Option<Self> {
        let text = |name| flags.get_one::<String>(name).map(String::as_str);
        if let Some(path) = text("csv") {
            return Some(Self::Table(path.into()));
        }
        let rule = text("rule").unwrap_or_default().parse().map_err(|why| settings.mistake("--rule", why));
        let prefix = text("prefix").unwrap_or_default().trim_end_matches('/');
        let is_folder = prefix.is_empty() || checked_path(prefix).is_ok();
        if !is_folder {
            settings.mistake("--prefix", "must be a folder's path below STORAGE_URL, and not managed/");
        }
        Some(Self::Listing { rule: rule.ok()?, prefix: is_folder.then(|| prefix.to_owned())? })
    }

    async fn asked<'s>(&'s self, storage: &'s Storage) -> Result<BoxStream<'s, Result<Asked, Failed>>, Failed> {
        Ok(match self {
            Self::Table(path) => {
                let file = File::open(path).map_err(Failed::Table)?;
                by_table(Table::new(tokio::fs::File::from_std(file))).await?
            }
            Self::Listing { rule, prefix } => {
                let listed = storage.list_others(prefix).err_into::<Error>().map_err(Failed::Stopped);
                listed.map_ok(|path| by_rule(rule, &path)).boxed()
            }
        })
    }
}

async fn by_table<'s, R>(mut table: Table<R>) -> Result<BoxStream<'s, Result<Asked, Failed>>, Failed>
where
    R: tokio::io::AsyncRead + Unpin + Send + 's,
{
    let header = match table.next().await.map_err(Failed::Table)? {
        Some(header) => header.fields.map_err(|why| Failed::Header(format!("no header: {why}")))?,
        None => return Err(Failed::Header("no header".into())),
    };
    let columns = Columns::of(&header).map_err(Failed::Header)?;
    let records = stream::try_unfold((table, columns), async |(mut table, columns)| {
        let record = table.next().await.map_err(Failed::Table)?;
        Ok(record.map(|record| (by_record(&columns, record), (table, columns))))
    });
    Ok(records.boxed())
}

fn by_record(columns: &Columns, record: Record) -> Asked {
    let fields = record.fields.map_err(|why| why.to_string());
    let registration = fields.and_then(|fields| columns.read(&fields));
    let path = registration.as_ref().map(|registration| format!(": {}", registration.path)).unwrap_or_default();
    Asked { place: format!("line {}{path}", record.line), registration }
}

fn by_rule(rule: &Rule, path: &str) -> Asked {
    let told = rule.read(path).ok_or_else(|| "it does not fit the rule".to_owned());
    Asked { place: path.escape_debug().to_string(), registration: told.and_then(|told| told_by_path(path, &told)) }
}
