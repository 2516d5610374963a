//! One stack of CloudFormation: the address of a template and values come in, outputs or the reasons of a failure leave.
//!
//! Always by a change set, as `sam deploy` does, since only that applies transforms. Never deletes a stack.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_sdk_cloudformation::{
    Client,
    error::ProvideErrorMetadata,
    types::{Capability, ChangeSetStatus, ChangeSetType, Parameter, StackStatus},
};
use tokio::time::sleep;

use crate::{
    client::said,
    deploy::{DEADLINE, DeployError, FailedResource, StackOutputs},
};

const POLL: Duration = Duration::from_millis(100);

/// A stack by its name, there or not.
pub(crate) struct Stack<'a> {
    pub(crate) client: Client,
    pub(crate) name: &'a str,
}

impl Stack<'_> {
    /// Creates the stack, or updates it, and waits until it has settled.
    pub(crate) async fn apply(
        &self,
        url: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<StackOutputs, DeployError> {
        let (status, _) = self.describe().await?;
        let kind = match status {
            None | Some(StackStatus::ReviewInProgress) => ChangeSetType::Create,
            Some(StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::UpdateRollbackComplete) => {
                ChangeSetType::Update
            }
            Some(status) => {
                return Err(DeployError::Unusable { stack: self.name.to_owned(), status: status.to_string() });
            }
        };
        let begun = SystemTime::now();
        if let Some(change_set) = self.change_set(url, kind, parameters).await? {
            let execute = self.client.execute_change_set().change_set_name(change_set);
            execute.send().await.map_err(|error| self.refused(said(&error)))?;
        }
        self.settled(begun).await
    }

    fn refused(&self, reason: String) -> DeployError {
        DeployError::Refused { stack: self.name.to_owned(), reason }
    }

    fn ask_failed(&self, reason: String) -> DeployError {
        DeployError::Ask { stack: self.name.to_owned(), reason }
    }

    /// State and outputs; no state if there is no such stack.
    async fn describe(&self) -> Result<(Option<StackStatus>, StackOutputs), DeployError> {
        let reply = match self.client.describe_stacks().stack_name(self.name).send().await {
            Ok(reply) => reply,
            Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => {
                return Ok((None, StackOutputs::new()));
            }
            Err(error) => return Err(self.ask_failed(said(&error))),
        };
        let Some(stack) = reply.stacks.into_iter().flatten().next() else { return Ok((None, StackOutputs::new())) };
        let outputs = stack.outputs.into_iter().flatten();
        let outputs = outputs.filter_map(|output| Some((output.output_key?, output.output_value?))).collect();
        Ok((stack.stack_status, outputs))
    }

    /// A change set that can be executed, or none if nothing would change.
    async fn change_set(
        &self,
        url: &str,
        kind: ChangeSetType,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Option<String>, DeployError> {
        let parameter =
            |(key, value): (&String, &String)| Parameter::builder().parameter_key(key).parameter_value(value).build();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let create = self
            .client
            .create_change_set()
            .stack_name(self.name)
            .change_set_name(format!("{}-{}", self.name, now.as_millis()))
            .change_set_type(kind)
            .template_url(url)
            .set_capabilities(Some(vec![
                Capability::CapabilityIam,
                Capability::CapabilityNamedIam,
                Capability::CapabilityAutoExpand,
            ]))
            .set_parameters(Some(parameters.iter().map(parameter).collect()));
        let created = create.send().await.map_err(|error| self.refused(said(&error)))?;
        let id = created.id.unwrap_or_default();
        let begun = Instant::now();
        loop {
            let describe = self.client.describe_change_set().change_set_name(&id);
            let change_set = describe.send().await.map_err(|error| self.ask_failed(said(&error)))?;
            let status = change_set.status.unwrap_or(ChangeSetStatus::CreateInProgress);
            let reason = change_set.status_reason.unwrap_or_default();
            match status {
                ChangeSetStatus::CreateComplete => return Ok(Some(id)),
                ChangeSetStatus::Failed
                    if reason.contains("didn't contain changes") || reason.contains("No updates are to be") =>
                {
                    // What cannot be executed is not kept either; a failure to delete it harms nothing.
                    drop(self.client.delete_change_set().change_set_name(&id).send().await);
                    return Ok(None);
                }
                ChangeSetStatus::Failed => return Err(self.refused(reason)),
                status if begun.elapsed() > DEADLINE => {
                    return Err(DeployError::TooSlow { stack: self.name.to_owned(), status: status.to_string() });
                }
                _ => sleep(POLL).await,
            }
        }
    }

    /// Waits until the stack is as it should be.
    async fn settled(&self, begun: SystemTime) -> Result<StackOutputs, DeployError> {
        let waiting = Instant::now();
        loop {
            let (status, outputs) = self.describe().await?;
            let stack = self.name.to_owned();
            match status {
                Some(StackStatus::CreateComplete | StackStatus::UpdateComplete) => return Ok(outputs),
                Some(status) if status.as_str().ends_with("_IN_PROGRESS") && waiting.elapsed() > DEADLINE => {
                    return Err(DeployError::TooSlow { stack, status: status.to_string() });
                }
                Some(status) if status.as_str().ends_with("_IN_PROGRESS") => sleep(POLL).await,
                Some(_) | None => {
                    let status = status.map_or_else(|| "DELETED".to_owned(), |status| status.to_string());
                    return Err(DeployError::Failed { stack, status, failed: self.failures(begun).await? });
                }
            }
        }
    }

    /// Which resources failed since then, those of nested stacks included, first failure first.
    async fn failures(&self, since: SystemTime) -> Result<Vec<FailedResource>, DeployError> {
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut stacks = VecDeque::from([self.name.to_owned()]);
        let mut seen = BTreeSet::new();
        let mut failed = Vec::new();
        while let Some(stack) = stacks.pop_front() {
            if !seen.insert(stack_name(&stack).to_owned()) {
                continue;
            }
            let mut pages = self.client.describe_stack_events().stack_name(&stack).into_paginator().send();
            let mut of_this_stack = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| self.ask_failed(said(&error)))?;
                for event in page.stack_events.into_iter().flatten() {
                    // Events carry whole seconds in the emulator.
                    let old = event.timestamp.is_some_and(|at| at.as_secs_f64() < since.floor());
                    let reason = event.resource_status_reason.unwrap_or_default();
                    let failure = event.resource_status.is_some_and(|status| status.as_str().ends_with("_FAILED"));
                    if old || !failure || reason.is_empty() || reason.contains("cancelled") {
                        continue;
                    }
                    let kind = event.resource_type.unwrap_or_default();
                    let id = event.physical_resource_id.unwrap_or_default();
                    if kind == "AWS::CloudFormation::Stack" && id.starts_with("arn:") {
                        stacks.push_back(id);
                    }
                    let resource = event.logical_resource_id.unwrap_or_default();
                    let stack = event.stack_name.unwrap_or_default();
                    of_this_stack.push(FailedResource { stack, resource, kind, reason });
                }
            }
            if of_this_stack.iter().any(|it| it.reason.contains("DescribeEvents")) {
                of_this_stack = self.validation_failures(&stack).await?;
            }
            // Newest first is how they come; the stack's own comes twice.
            for failure in of_this_stack.into_iter().rev() {
                if !failed.contains(&failure) {
                    failed.push(failure);
                }
            }
        }
        Ok(failed)
    }

    /// What CloudFormation found before it made anything; that stands apart from the other events.
    async fn validation_failures(&self, stack: &str) -> Result<Vec<FailedResource>, DeployError> {
        let mut pages = self.client.describe_events().stack_name(stack).into_paginator().send();
        let mut failed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.ask_failed(said(&error)))?;
            for event in page.operation_events.into_iter().flatten() {
                if let Some(reason) = event.validation_status_reason {
                    let resource = event.logical_resource_id.unwrap_or_default();
                    let kind = event.resource_type.unwrap_or_default();
                    failed.push(FailedResource { stack: stack_name(stack).to_owned(), resource, kind, reason });
                }
            }
        }
        Ok(failed)
    }
}

/// The name in `arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID`, which a name is, too.
fn stack_name(id: &str) -> &str {
    id.split('/').nth(1).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_by_its_id() {
        assert_eq!(stack_name("arn:aws:cloudformation:us-east-1:000000000000:stack/a-b/6e01"), "a-b");
        assert_eq!(stack_name("a-b"), "a-b");
    }
}
