//! Looks at what came out: the functions' logs, the streams, S3 and the dead letters. What S3 holds is
//! copied into the run's folder, since the emulator keeps it in memory only.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use emulator::{
    StackOutputs,
    logs::{Content, LogTail},
    objects::{Object, ObjectTail},
    s3_client,
    streams::{Position, drain},
};
use serde_json::Value;

use super::{FUNCTIONS, account::Account, output};

/// How far everything was read.
#[derive(Debug)]
pub(crate) struct Watch {
    logs: LogTail,
    kinesis: aws_sdk_kinesis::Client,
    streams: Vec<(String, Position)>,
    data: ObjectTail,
    dead_letters: ObjectTail,
    folder: PathBuf,
}

impl Watch {
    /// Begins at the beginning of everything. Objects are copied into the folder. Streams are read where the functions
    /// read them, so that their sequence numbers are those in the dead letters.
    pub(crate) fn new(
        sdk: &SdkConfig,
        kinesis: aws_sdk_kinesis::Client,
        outputs: &StackOutputs,
        folder: &Path,
    ) -> Result<Self> {
        let functions: Vec<String> = FUNCTIONS
            .iter()
            .map(|(name, _)| output(outputs, &format!("{name}FunctionName")).map(str::to_owned))
            .collect::<Result<_>>()?;
        let streams = ["Financial", "Crypto", "Events"];
        let streams = streams
            .iter()
            .map(|name| Ok((output(outputs, &format!("{name}StreamName"))?.to_owned(), Position::default())))
            .collect::<Result<_>>()?;
        Ok(Self {
            logs: LogTail::new(aws_sdk_cloudwatchlogs::Client::new(sdk), functions),
            kinesis,
            streams,
            data: ObjectTail::new(s3_client(sdk), output(outputs, "DataBucketName")?, ""),
            dead_letters: ObjectTail::new(s3_client(sdk), output(outputs, "DeadLetterBucketName")?, ""),
            folder: folder.to_owned(),
        })
    }

    /// Takes in all that is new.
    pub(crate) async fn look(&mut self, account: &mut Account) -> Result<()> {
        for lines in self.logs.read().await?.into_values() {
            for line in lines {
                match line.content {
                    Content::Json(line) => {
                        let line = Value::Object(line);
                        if !account.log_line(&line) && is_trouble(&line) {
                            account.troubles.insert(in_words(&line));
                        }
                    }
                    Content::Text(text) => drop(account.troubles.insert(text)),
                }
            }
        }
        for (stream, position) in &mut self.streams {
            for record in drain(&self.kinesis, stream, position).await? {
                account.record(stream, &record.shard, &record.sequence_number, &record.data);
            }
        }
        for object in self.data.read().await? {
            copy(&self.folder, &object)?;
            account.objects += 1;
            object.lines().for_each(|line| account.archived(line));
        }
        for object in self.dead_letters.read().await? {
            copy(&self.folder, &object)?;
            // Once they are parked they are there a second time.
            if object.key.starts_with(dead_letters::PARKED_PREFIX) {
                continue;
            }
            object.lines().for_each(|line| account.dead_letter(line));
        }
        Ok(())
    }
}

fn copy(folder: &Path, object: &Object) -> Result<()> {
    // Keys are made of names and dates; a key that leads out of the folder is not ours.
    let parts = object.key.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    let path = parts.fold(folder.to_owned(), |path, part| path.join(part));
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, &object.content));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

fn is_trouble(line: &Value) -> bool {
    matches!(line.get("level").and_then(Value::as_str), Some("WARN" | "ERROR"))
}

fn in_words(line: &Value) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let rest = text("error");
    if rest.is_empty() { text("message").to_owned() } else { format!("{}: {rest}", text("message")) }
}
