//! With which values a template is evaluated.

use std::collections::BTreeMap;

/// The values from outside of the template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    /// Parameters by name. Those that are missing have their default.
    pub parameters: BTreeMap<String, String>,
    /// Where it would be deployed.
    pub pseudo: Pseudo,
}

/// The pseudo parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pseudo {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account_id: String,
    /// `AWS::Partition`.
    pub partition: String,
    /// `AWS::StackName`.
    pub stack_name: String,
}

impl Default for Pseudo {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account_id: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            stack_name: "stack".to_owned(),
        }
    }
}

impl Given {
    /// With these parameters.
    pub fn parameters<N: Into<String>, V: Into<String>>(parameters: impl IntoIterator<Item = (N, V)>) -> Self {
        let parameters = parameters.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { parameters, pseudo: Pseudo::default() }
    }
}

impl Pseudo {
    /// The value of `AWS::…`, which is always a text; `None` if there is no such pseudo parameter.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let Self { region, account_id, partition, stack_name } = self;
        Some(match name {
            "AWS::Region" => region.clone(),
            "AWS::AccountId" => account_id.clone(),
            "AWS::Partition" => partition.clone(),
            "AWS::StackName" => stack_name.clone(),
            "AWS::StackId" => format!("arn:{partition}:cloudformation:{region}:{account_id}:stack/{stack_name}/0"),
            "AWS::URLSuffix" if partition == "aws-cn" => "amazonaws.com.cn".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            _ => return None,
        })
    }
}
