//! `kinetick dead-letters discard`: batches enter; how many of their letters were given up leaves, and who gave them up
//! and why stays in their listings.

use std::process::ExitCode;

use jiff::Timestamp;
use pipeline::{Discarding, discard};
use serde::Serialize;

use super::{
    Deployed, Ended, KEEP_DONE, WRONG_USE, filter,
    options::{self, Format},
    print,
    table::{line, plain},
};

/// What became of one batch.
#[derive(Serialize)]
struct Became {
    id: String,
    discarded: usize,
    waiting: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Json<'a> {
    dry_run: bool,
    batches: &'a [Became],
}

/// Discards, or says what would be.
pub(super) async fn run(options: &options::Discard) -> Result<ExitCode, Ended> {
    let filter = filter(&options.filters)?;
    let deployed = Deployed::find(&options.stack).await?;
    let how = Discarding {
        now: Timestamp::now(),
        keep_done: KEEP_DONE,
        by: &options.by,
        reason: &options.reason,
        dry_run: !options.yes,
    };
    let mut all = Vec::new();
    for id in deployed.batches(&options.ids).await? {
        let done = discard((&deployed.objects, &deployed.listings), &id, &filter, &how).await;
        let (discarded, waiting, problem) = match done.map_err(Ended::from) {
            Ok(done) => (done.letters, done.waiting, None),
            // A claimed one is no reason to leave the others; where there is no access, there is none to them.
            Err(Ended::Failed(problem)) => (0, 0, Some(problem)),
            Err(ended) => return Err(ended),
        };
        all.push(Became { id: id.to_string(), discarded, waiting, problem });
    }
    let text = match options.format {
        Format::Json => line(&Json { dry_run: how.dry_run, batches: &all }),
        Format::Text => all.iter().map(|became| words(became, how.dry_run)).collect(),
    };
    print(text.as_bytes())?;
    if how.dry_run {
        eprintln!("error: nothing was discarded: say `--yes`");
        return Ok(ExitCode::from(WRONG_USE));
    }
    Ok(if all.iter().all(|became| became.problem.is_none()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn words(became: &Became, dry_run: bool) -> String {
    let Became { id, discarded, waiting, problem } = became;
    match problem {
        Some(problem) => format!("{id}: {}\n", plain(problem)),
        None if dry_run => format!("{id}: {discarded} letters would be discarded, {waiting} would wait\n"),
        None => format!("{id}: {discarded} letters discarded, {waiting} wait\n"),
    }
}
