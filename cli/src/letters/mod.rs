//! `kinetick dead-letters`: what was given up, for the person who looks after it.
//!
//! A stack and a filter enter; lists, payloads and what became of a redrive leave. What is done to letters is done by the
//! same code that redrives by itself, over the same listings, so that both may run at the same time.

mod discard;
mod options;
mod plan;
mod redrive;
mod show;
mod table;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;
use aws::{DeadLetterBucket, StateTable};
use aws_config::SdkConfig;
use dead_letters::{BatchId, Filter};
use failure::Kind;
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    LettersError, list,
    port::{CallError, Listings, Shelf},
};

pub(crate) use options::Options;

use crate::place::{CREDENTIALS, NoAccess};
use options::{Command, Filters, Format, List, Prefix, Stack};

/// The exit codes for wrong use, as clap has it, and where AWS gives no access.
const WRONG_USE: u8 = 2;
const NO_ACCESS: u8 = 3;
/// How long the listing of a batch is kept once nothing is left to do: as handle-dead-letters keeps it.
const KEEP_DONE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Why it did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    WrongUse(String),
    #[error("{0}")]
    NoAccess(String),
    #[error("{0}")]
    Failed(String),
}

impl Ended {
    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::WrongUse(_) => WRONG_USE,
            Self::NoAccess(_) => NO_ACCESS,
        }
    }

    fn of(kind: Kind, message: String) -> Self {
        match kind {
            Kind::Denied => Self::NoAccess(format!("{message}; {CREDENTIALS}")),
            _ => Self::Failed(message),
        }
    }
}

impl From<NoAccess> for Ended {
    fn from(error: NoAccess) -> Self {
        Self::NoAccess(error.to_string())
    }
}

impl From<CallError> for Ended {
    fn from(error: CallError) -> Self {
        Self::of(error.kind, error.message)
    }
}

impl From<LettersError> for Ended {
    fn from(error: LettersError) -> Self {
        match error {
            LettersError::NoSuchBatch(_) => Self::WrongUse(error.to_string()),
            LettersError::Listing(failure) | LettersError::Call(failure) => Self::of(failure.kind, failure.reason),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Does what is asked for.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let done = match &options.command {
        Command::List(options) => listed(options).await,
        Command::Show(options) => show::run(options).await,
        Command::Redrive(options) => redrive::run(options).await,
        Command::Discard(options) => discard::run(options).await,
    };
    Ok(done.unwrap_or_else(|ended| {
        eprintln!("error: {}", table::plain(&ended.to_string()));
        ExitCode::from(ended.code())
    }))
}

/// What of a stack the command works with.
struct Deployed {
    sdk: SdkConfig,
    objects: DeadLetterBucket,
    listings: StateTable,
    /// What the names of the functions begin with.
    prefix: String,
}

impl Deployed {
    async fn find(stack: &Stack) -> Result<Self, Ended> {
        let sdk = stack.place.sdk_config().await?;
        let name = stack.stack.clone().unwrap_or_else(|| stack.place.stack());
        let outputs = stack.place.outputs(&sdk, &name).await?;
        let consumer = outputs.get("ComputeIndicatorsFunctionName")?;
        Ok(Self {
            objects: DeadLetterBucket::new(&sdk, outputs.get("DeadLetterBucketName")?),
            listings: StateTable::new(&sdk, outputs.get("StateTableName")?),
            prefix: consumer.strip_suffix("compute-indicators").unwrap_or_default().to_owned(),
            sdk,
        })
    }

    /// The batches that these ids, or beginnings of ids, name: each once, in their order.
    async fn batches(&self, prefixes: &[Prefix]) -> Result<Vec<BatchId>, Ended> {
        let mut known = None;
        let mut ids: Vec<BatchId> = Vec::new();
        for prefix in prefixes {
            let id = match prefix.as_str().parse() {
                Ok(id) => id,
                Err(_) => {
                    if known.is_none() {
                        known = Some(self.all().await?);
                    }
                    only(prefix.as_str(), known.as_deref().unwrap_or_default())?
                }
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    async fn all(&self) -> Result<Vec<BatchId>, Ended> {
        let mut all = Vec::new();
        for shelf in Shelf::ALL {
            all.extend(self.listings.shelf(shelf, Timestamp::MAX, usize::MAX).await?);
        }
        Ok(all)
    }
}

/// The only batch whose id begins like this.
fn only(prefix: &str, known: &[BatchId]) -> Result<BatchId, Ended> {
    let mut found: Vec<&BatchId> = known.iter().filter(|id| id.as_str().starts_with(prefix)).collect();
    found.dedup();
    match found[..] {
        [id] => Ok(id.clone()),
        [] => Err(Ended::WrongUse(format!(
            "there is no batch `{prefix}`: `kinetick dead-letters list --status all` shows those that there are"
        ))),
        [first, second, ..] => Err(Ended::WrongUse(format!(
            "`{prefix}` begins the ids of several batches, such as `{first}` and `{second}`: write more digits"
        ))),
    }
}

fn filter(filters: &Filters) -> Result<Filter, Ended> {
    filters.filter().map_err(Ended::WrongUse)
}

async fn listed(options: &List) -> Result<ExitCode, Ended> {
    let filter = filter(&options.filters)?;
    let deployed = Deployed::find(&options.stack).await?;
    let limit = options.limit as usize;
    let mut listed = list(&deployed.listings, &options::shelves(&options.status), &filter, limit).await?;
    listed.batches.retain(|listing| options::is_one_of(&options.status, listing.status));
    listed.batches.sort_by(|a, b| (b.last_seen, &a.id).cmp(&(a.last_seen, &b.id)));
    let text = match options.format {
        Format::Text => table::batches(&listed),
        Format::Json => table::batches_json(&listed),
    };
    print(text.as_bytes())?;
    Ok(if listed.unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes to standard output. Whoever closes it has seen enough.
fn print(bytes: &[u8]) -> Result<(), Ended> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Ended::Failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
