//! The template on an emulator: bootstraps come in, the environment of each function leaves.
//!
//! The functions themselves are run by the bench, not by the emulator, whose schedules stay off.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use aws_sdk_lambda::Client;
use emulator::{
    Deployment, Emulator, Options,
    client::{CREDENTIALS, REGION},
    deploy, python, sdk_config,
};

use crate::process::Environment;

/// A running emulator with the template in it. Dropping it ends it.
pub(crate) struct Stack {
    emulator: Emulator,
    environments: BTreeMap<String, Environment>,
}

impl Stack {
    /// Starts an emulator that keeps its files in `folder`, and deploys the checkout's template.
    pub(crate) async fn deploy(
        checkout: &Path,
        folder: &Path,
        bootstraps: &BTreeMap<&'static str, PathBuf>,
    ) -> Result<Self> {
        let venv = python::prepare(checkout, |step| eprintln!("{step}")).await?;
        let options = Options { log_file: folder.join("emulator.log"), data_dir: folder.join("emulator"), keep: false };
        let emulator = Emulator::start(&venv, options).await?;
        let sdk = sdk_config(emulator.endpoint());
        let parameters = [("Env", "local"), ("ScheduleState", "DISABLED")];
        let deployment = Deployment {
            template: checkout.join("template.yaml"),
            stack_name: "bench".to_owned(),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            bootstraps: bootstraps.iter().map(|(name, path)| (format!("functions/{name}/"), path.clone())).collect(),
            bucket: "bench-artifacts".to_owned(),
        };
        deploy(&sdk, deployment, |step| eprintln!("{step}")).await?;
        let lambda = Client::new(&sdk);
        let mut environments = BTreeMap::new();
        for name in bootstraps.keys() {
            let function = format!("realtime-financial-local-{name}");
            let configuration = lambda.get_function_configuration().function_name(&function).send().await?;
            let variables = configuration.environment.and_then(|environment| environment.variables);
            let variables = variables.with_context(|| format!("`{function}` has no environment"))?;
            environments.insert((*name).to_owned(), variables.into_iter().collect());
        }
        Ok(Self { emulator, environments })
    }

    /// The function's environment: the template's, and what Lambda sets for every client of AWS.
    pub(crate) fn environment(&self, function: &str) -> Environment {
        let (key, secret) = CREDENTIALS;
        let mut environment = self.environments.get(function).cloned().unwrap_or_default();
        let lambda = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_ENDPOINT_URL", self.emulator.endpoint()),
        ];
        environment.extend(lambda.map(|(name, value)| (name.to_owned(), value.to_owned())));
        environment
    }

    /// Ends the emulator.
    pub(crate) async fn stop(self) -> Result<()> {
        Ok(self.emulator.stop().await?)
    }
}
