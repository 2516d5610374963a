//! Counts the instructions of the hot paths under valgrind, and compares them with the committed table
//! `instructions.toml`. Fails if one takes over 3 % more than it says.
//!
//! `make instructions` from the checkout; with `BLESS=1` it writes what it counts into the table. Counts do not hang
//! on how busy a machine is, but on compiler and target, so the table has a row for each. Nor do they hang on the
//! processor: valgrind shows each program the same one, a Haswell with AVX2 and without AVX-512 and SHA, so that what
//! asks for features (glibc, memchr, sha2, base64-simd) takes the same way everywhere.

#![allow(clippy::print_stdout, reason = "a program for a person to read")]

mod stages;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

/// How many times as many as in the table are too many.
const BOUND: f64 = 1.03;
/// A stage is run so often, and twice as often: the difference is without start and end of the program.
const TIMES: u64 = 20;

/// For each compiler with its target, the instructions of each stage.
type Table = BTreeMap<String, BTreeMap<String, u64>>;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [] => compare(),
        [stage, times] => stages::run(stage, times.parse()?).map(|()| ExitCode::SUCCESS),
        _ => bail!("usage: instructions [STAGE TIMES]"),
    }
}

fn compare() -> Result<ExitCode> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("instructions.toml");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut table: Table = toml::from_str(&text).with_context(|| format!("`{}` is no table", path.display()))?;
    let (compiler, target) = compiler()?;
    let row = format!("{compiler}, {target}");
    let counted: BTreeMap<String, u64> =
        stages::STAGES.iter().map(|stage| Ok((stage.to_string(), count(stage)?))).collect::<Result<_>>()?;
    if env::var_os("BLESS").is_some() {
        table.insert(row.clone(), counted);
        fs::write(&path, format!("{HEAD}\n{}", toml::to_string(&table)?))?;
        println!("wrote `{row}` into `{}`", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(expected) = table.get(&row) else {
        println!(
            "{counted:#?}\nthe table has no row `{row}`; look at the numbers, then add it: BLESS=1 make instructions"
        );
        // Another target is nobody's mistake. Another compiler on a known one has to be looked at once.
        let known = table.keys().any(|row| row.ends_with(&target));
        return Ok(if known { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    };
    println!("\n{row}\n\n| stage | instructions | committed | change |\n|---|---:|---:|---:|");
    let mut over = Vec::new();
    for (stage, counted) in &counted {
        let expected =
            *expected.get(stage).with_context(|| format!("the row has no `{stage}`: BLESS=1 make instructions"))?;
        let ratio = *counted as f64 / expected as f64;
        println!("| {stage} | {counted} | {expected} | {:+.2} % |", 100.0 * (ratio - 1.0));
        if ratio > BOUND {
            over.push(stage.as_str());
        }
    }
    if over.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("\nout of bounds: {}; if that is what it costs: BLESS=1 make instructions", over.join(", "));
    Ok(ExitCode::FAILURE)
}

/// What stands above the table.
const HEAD: &str = "# Instructions of each stage of `stages.rs`, by compiler and target.
# Written by `BLESS=1 make instructions`; compared by `make instructions`.
";

/// The compiler's version and target, as it names them in the checkout.
fn compiler() -> Result<(String, String)> {
    let output = Command::new("rustc").arg("-vV").stdin(Stdio::null()).output().context("cannot run `rustc`")?;
    let text = String::from_utf8(output.stdout)?;
    let target = text.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc` names no host")?;
    Ok((text.lines().next().unwrap_or_default().to_owned(), target.to_owned()))
}

/// The instructions of a stage run once.
fn count(stage: &str) -> Result<u64> {
    let (once, twice) = (collected(stage, TIMES)?, collected(stage, 2 * TIMES)?);
    ensure!(twice > once, "stage `{stage}` does nothing");
    Ok((twice - once) / TIMES)
}

/// The instructions of a whole process.
fn collected(stage: &str, times: u64) -> Result<u64> {
    let program: PathBuf = env::current_exe()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([stage, &times.to_string()])
        .stdin(Stdio::null())
        .output()
        .context("cannot run `valgrind`: install it by the system's packages")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "stage `{stage}` failed under valgrind:\n{text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    collected.and_then(|count| count.parse().ok()).with_context(|| format!("valgrind counted nothing:\n{text}"))
}
