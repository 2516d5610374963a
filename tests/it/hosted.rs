//! The template on an emulator of its own, for the host to run: bootstraps and parameters enter, a setup leaves.
//!
//! The emulator's own mappings and schedules are off before anything is put. What a test or bench does not want to run
//! it takes out of the setup; nothing runs before it starts a host.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use aws_sdk_kinesis::{primitives::Blob, types::PutRecordsRequestEntry};
use emulator::{Deployment, Emulator, Options, StackOutputs, deploy, python, sdk_config};
use lambda_host::Setup;
use tempfile::TempDir;

/// What one PutRecords takes: 500 records. <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>
const PUT_RECORDS_COUNT: usize = 500;
/// The function that takes the streams.
pub(crate) const COMPUTE: &str = "compute-indicators";

/// A record for a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) partition_key: String,
    pub(crate) data: Vec<u8>,
}

/// The deployed template. The emulator ends with its owner.
pub(crate) struct Hosted {
    pub(crate) sdk: SdkConfig,
    pub(crate) setup: Setup,
    pub(crate) emulator: Emulator,
    outputs: StackOutputs,
    // Holds the emulator's log; goes after it.
    _folder: TempDir,
}

impl Hosted {
    /// Starts an emulator and deploys to it, with these programs by the folders of their functions.
    pub(crate) async fn start(
        checkout: &Path,
        bootstraps: &BTreeMap<&str, PathBuf>,
        parameters: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let venv = python::prepare(checkout, |_| ()).await?;
        // Not within `folder`: whatever a test leaves that was killed, the next start sweeps up.
        let data_dir = checkout.join(".kinetick/emulator");
        let options = Options { log_file: folder.path().join("emulator.log"), data_dir, keep: false };
        let emulator = Emulator::start(&venv, options).await?;
        let sdk = sdk_config(emulator.endpoint());
        let all = [("Env", "local"), ("ScheduleState", "DISABLED")].iter().chain(parameters);
        let deployment = Deployment {
            template: checkout.join("template.yaml"),
            stack_name: "kinetick-hosted".to_owned(),
            parameters: all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            bootstraps: bootstraps.iter().map(|(name, path)| (format!("functions/{name}/"), path.clone())).collect(),
            bucket: "kinetick-hosted-deployment".to_owned(),
        };
        let outputs = deploy(&sdk, deployment, |_| ()).await?;
        let programs = bootstraps.iter().map(|(name, path)| (logical_id(name), path.clone())).collect();
        let setup = lambda_host::read(emulator.endpoint(), "kinetick-hosted", &programs).await?;
        lambda_host::switch_off(emulator.endpoint(), &setup).await?;
        Ok(Self { sdk, setup, emulator, outputs, _folder: folder })
    }

    /// The setup with nothing but these functions, by their folders, and the mappings of `compute-indicators`.
    pub(crate) fn only(&self, folders: &[&str]) -> Setup {
        let mut setup = self.setup.clone();
        setup.schedules.clear();
        setup.functions.retain(|function| folders.iter().any(|folder| is_of(&function.name, folder)));
        setup.mappings.retain(|mapping| is_of(&mapping.function, COMPUTE));
        setup
    }

    pub(crate) fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stack has no output `{name}`"))
    }

    /// Puts records into the stream that an output names, in their order.
    pub(crate) async fn put(&self, stream_output: &str, records: &[Record]) -> Result<()> {
        let client = aws_sdk_kinesis::Client::new(&self.sdk);
        let name = self.output(stream_output)?;
        let entry = |record: &Record| {
            let data = Blob::new(record.data.as_slice());
            PutRecordsRequestEntry::builder().partition_key(&record.partition_key).data(data).build()
        };
        for records in records.chunks(PUT_RECORDS_COUNT) {
            let entries = records.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
            let reply = client.put_records().stream_name(name).set_records(Some(entries)).send().await?;
            ensure!(reply.failed_record_count.unwrap_or_default() == 0, "not all records were put");
        }
        Ok(())
    }
}

/// Whether this is the deployed name of the function of a folder.
pub(crate) fn is_of(function: &str, folder: &str) -> bool {
    function.strip_suffix(folder).is_some_and(|start| start.ends_with('-'))
}

/// `<Name>Function` of a folder's name.
fn logical_id(folder: &str) -> String {
    let words = folder.split('-').filter_map(|word| word.split_at_checked(1));
    words.map(|(first, rest)| format!("{}{rest}", first.to_uppercase())).chain(["Function".to_owned()]).collect()
}
