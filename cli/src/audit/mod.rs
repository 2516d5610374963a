//! `kinetick audit`: the account of a window. A stack or its names enter; whether all that arrived in the window is done,
//! dead or expired, and what is not, leave.
//!
//! It is computed from what the streams, S3 and the state table hold; nothing that a function says of itself is asked
//! for, and nothing is written. Lines count for the window by their records, wherever in the archive they lie.

mod objects;
mod options;
mod owed;
mod parked;
mod show;
mod streams;

use std::{collections::HashSet, io, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use aws::{DeadLetterBucket, StateTable};
use aws_config::SdkConfig;
use indicatif::{ProgressBar, ProgressDrawTarget};
use jiff::{SignedDuration, Timestamp};

pub(crate) use options::Options;

use crate::{
    account::{Account, Balance},
    place::NoAccess,
};
use objects::{Bucket, Parts, hours, partition};
use options::{Format, Window};
use owed::Owed;
use streams::StreamRead;

/// The consumer whose account it is, by the name of its folder: what it is done with stands in the archive.
pub(crate) const CONSUMER: &str = "compute-indicators";
/// The exit code for wrong use, as clap has it.
const WRONG_USE: u8 = 2;
/// The exit code where something could not be read.
const UNREAD: u8 = 3;
/// How far apart the clocks of services may be.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What the stack's parts are called.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    streams: Vec<String>,
    data: String,
    dead_letters: String,
    state: String,
}

/// All that was found.
#[derive(Debug)]
struct Found {
    window: Window,
    streams: Vec<StreamRead>,
    account: Account,
    /// Objects of the archive, and of dead letters.
    objects: [u64; 2],
    owed: Owed,
    now: Timestamp,
}

/// What it comes to.
#[derive(Debug)]
struct Verdict {
    balance: Balance,
    /// Why the window is not closed: it may balance later, or never be known.
    open: Vec<String>,
    /// What does not add up.
    wrong: Vec<String>,
}

/// Computes and prints it.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let window = match options.window(Timestamp::now()) {
        Ok(window) => window,
        Err(problem) => {
            eprintln!("error: {problem}");
            return Ok(ExitCode::from(WRONG_USE));
        }
    };
    let found = async {
        let sdk = options.place.sdk_config().await?;
        let names = names(options, &sdk).await?;
        look(&sdk, &names, window).await
    };
    let found = match found.await {
        Ok(found) => found,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::from(UNREAD));
        }
    };
    let verdict = found.verdict(options.limit as usize);
    let shown = match options.format {
        Format::Text => show::text(&found, &verdict),
        Format::Json => show::json(&found, &verdict),
    };
    match io::Write::write_all(&mut io::stdout().lock(), shown.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(if verdict.is_balanced() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Names that are given, and those of the stack for the others.
async fn names(options: &Options, sdk: &SdkConfig) -> Result<Names, NoAccess> {
    let Options { streams, data_bucket, dead_letter_bucket, state_table, .. } = options;
    if let (false, Some(data), Some(dead_letters), Some(state)) =
        (streams.is_empty(), data_bucket, dead_letter_bucket, state_table)
    {
        let [data, dead_letters, state] = [data, dead_letters, state].map(Clone::clone);
        return Ok(Names { streams: streams.clone(), data, dead_letters, state });
    }
    let stack = options.stack.clone().unwrap_or_else(|| options.place.stack());
    let outputs = options.place.outputs(sdk, &stack).await?;
    let or_output = |given: &Option<String>, output| match given {
        Some(given) => Ok(given.clone()),
        None => outputs.get(output).map(str::to_owned),
    };
    let streams = match streams.is_empty() {
        false => streams.clone(),
        true => ["FinancialStreamName", "CryptoStreamName", "EventsStreamName"]
            .into_iter()
            .map(|output| outputs.get(output).map(str::to_owned))
            .collect::<Result<_, _>>()?,
    };
    Ok(Names {
        streams,
        data: or_output(data_bucket, "DataBucketName")?,
        dead_letters: or_output(dead_letter_bucket, "DeadLetterBucketName")?,
        state: or_output(state_table, "StateTableName")?,
    })
}

/// Looks at everything. What was offered comes first, so that whatever becomes of it is seen.
async fn look(sdk: &SdkConfig, names: &Names, window: Window) -> Result<Found> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.enable_steady_tick(Duration::from_millis(120));
    let kinesis = aws_sdk_kinesis::Client::new(sdk);
    // Emulators have no host names for buckets, so paths name them there.
    let s3 = aws_sdk_s3::config::Builder::from(sdk).force_path_style(sdk.endpoint_url().is_some()).build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);
    let mut account = Account::new(CONSUMER, Some((window.from, window.to)));

    let mut streams = Vec::new();
    for stream in &names.streams {
        bar.set_message(format!("reading the stream {stream}"));
        streams.push(streams::read(&kinesis, stream, window, &mut account).await?);
    }
    let since = window.from.checked_sub(SKEW).unwrap_or(Timestamp::MIN);
    let bucket = Bucket { client: &s3, name: &names.dead_letters };
    bar.set_message("reading the dead letters");
    let mut stored = bucket.keys(&format!("dead-letters/{CONSUMER}/"), since).await?;
    let mut given_up = bucket.keys("aws/lambda/", since).await?;
    let dead_letters = (stored.len() + given_up.len()) as u64;
    let table = StateTable::new(sdk, &names.state);
    let objects = DeadLetterBucket::new(sdk, &names.dead_letters);
    let sources: HashSet<&String> = stored.iter().chain(&given_up).collect();
    let parked = parked::read((&objects, &table), since, &sources, &mut account).await.map_err(anyhow::Error::msg)?;
    // What is parked stands for what it was parked from, and says what has become of it.
    stored.retain(|key| !parked.contains(key));
    given_up.retain(|key| !parked.contains(key));
    bucket.read(stored, Parts::Lines, |text| account.dead_letter(text)).await?;
    bucket.read(given_up, Parts::Whole, |text| account.dead_letter(text)).await?;
    let bucket = Bucket { client: &s3, name: &names.data };
    let mut archived = 0;
    let end = window.to.checked_add(SKEW).unwrap_or(window.to);
    for hour in hours(since, Timestamp::now()) {
        // A record can be archived long after it came; those that are settled need no search.
        if hour > end && account.is_settled() {
            break;
        }
        for top in ["raw", "indicators"] {
            let prefix = partition(top, hour);
            bar.set_message(format!("reading the archive below {prefix}"));
            let take = |line: &[u8]| {
                account.archived(line);
            };
            let keys = bucket.keys(&prefix, Timestamp::MIN).await?;
            archived += keys.len() as u64;
            bucket.read(keys, Parts::Lines, take).await?;
        }
    }
    bar.set_message("reading the state table");
    let now = Timestamp::now();
    let owed = owed::owed(&table, window.to, now).await;
    let owed = owed.map_err(anyhow::Error::msg).with_context(|| format!("cannot read the table `{}`", names.state))?;
    bar.finish_and_clear();
    Ok(Found { window, streams, account, objects: [archived, dead_letters], owed, now })
}

impl Found {
    fn verdict(&self, named: usize) -> Verdict {
        let balance = self.account.balance(named);
        let mut open = Vec::new();
        if self.window.to > self.now {
            open.push(format!("the window ends at {}, which is still to come: ask again then", self.window.to));
        }
        for read in &self.streams {
            let StreamRead { stream, holds_from, .. } = read;
            if let Some(horizon) = holds_from.filter(|horizon| *horizon > self.window.from) {
                open.push(format!(
                    "the stream `{stream}` keeps nothing from before {horizon:.0}: what it lost of the window cannot be \
                     known; begin the window later"
                ));
            }
        }
        if balance.total.pending > 0 {
            open.push(format!(
                "{} records stand behind the last one of their shard that is settled: the consumer lags, or lost the end",
                balance.total.pending
            ));
        }
        if self.owed.series > 0 {
            open.push(format!(
                "{} series owe {} readings or alerts, among them {}: the next sweep delivers them",
                self.owed.series,
                self.owed.entries,
                self.owed.named.join(", ")
            ));
        }
        let mut wrong = Vec::new();
        let mut check = |count: u64, what: &str| {
            if count > 0 {
                wrong.push(format!("{count} {what}"));
            }
        };
        check(balance.total.missing, "records are neither in S3 nor in the dead letters, and later ones are");
        check(balance.done_and_dead, "records are both in S3 and in the dead letters");
        check(balance.two_contents, "ids name two contents");
        check(balance.unreadable, "lines in S3 cannot be read");
        check(self.account.letters().unreadable, "dead letters cannot be read");
        check(self.owed.unreadable, "items of series cannot be read");
        Verdict { balance, open, wrong }
    }
}

impl Verdict {
    fn is_balanced(&self) -> bool {
        self.open.is_empty() && self.wrong.is_empty()
    }
}

#[cfg(test)]
mod tests;
