//! The report: the account of a run as JSON, written whole or not at all.

use std::{collections::BTreeMap, io::Write, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use super::account::{Account, Stages};

/// The report's version; fields are only ever added within it.
const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
struct Report<'a> {
    version: u32,
    elapsed_s: f64,
    stages: &'a Stages,
    refused: &'a BTreeMap<String, u64>,
    s3: S3<'a>,
    dead_letters: DeadLetters,
    host: &'a lambda_host::Report,
    balanced: bool,
    imbalances: Vec<String>,
    output: String,
}

#[derive(Debug, Serialize)]
struct S3<'a> {
    objects: u64,
    records: u64,
    duplicates: u64,
    records_by_schema: &'a BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct DeadLetters {
    entries: u64,
}

/// Writes the report.
pub(crate) fn write(path: &Path, account: &Account, elapsed_s: f64, output: &Path) -> Result<()> {
    let imbalances = account.imbalances();
    let report = Report {
        version: VERSION,
        elapsed_s: (elapsed_s * 10.0).round() / 10.0,
        stages: &account.stages,
        refused: &account.refused,
        s3: S3 {
            objects: account.objects,
            records: account.stages.deliver.lines,
            duplicates: account.duplicates(),
            records_by_schema: &account.records_by_schema,
        },
        dead_letters: DeadLetters { entries: account.dead_letters },
        host: &account.host,
        balanced: imbalances.is_empty(),
        imbalances,
        output: output.display().to_string(),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = (|| -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec_pretty(&report)?)?;
        file.write_all(b"\n")?;
        file.persist(path)?;
        Ok(())
    })();
    written.with_context(|| format!("cannot write the report `{}`", path.display()))
}
