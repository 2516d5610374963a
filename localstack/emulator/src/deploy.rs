//! A template and built bootstraps come in, a deployed stack leaves: packaging, uploading, change set.
//!
//! Does what `sam deploy` does for a template whose functions are built already, without the SAM
//! command line and without its polling every 30 s. The template itself is not changed, and the
//! rewritten one is what AWS would take, too.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use tokio::task::spawn_blocking;

use crate::{
    client::{REGION, s3_client, said},
    package::{Bootstrap, PackageError, content_key},
    stack::Stack,
    template::{Kind, Reference, TemplateError, parameters, references, rewrite},
};

/// Longest time for a stack to settle. The emulator takes seconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// Templates of one deployment, the root not counted.
const TEMPLATES_MAX: usize = 100;

/// What to deploy.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The root template. Its paths are relative to its folder.
    pub template: PathBuf,
    /// Name of the stack.
    pub stack_name: String,
    /// Values of the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// The built binary of each `CodeUri`, as it stands in the template.
    pub bootstraps: BTreeMap<String, PathBuf>,
    /// Takes archives and templates. Created if it is not there.
    pub bucket: String,
}

/// The stack's outputs by name.
pub type StackOutputs = BTreeMap<String, String>;

/// One resource that was not made, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedResource {
    /// Name of the stack, nested ones included.
    pub stack: String,
    /// Its logical id in there.
    pub resource: String,
    /// Its type.
    pub kind: String,
    /// What the service says.
    pub reason: String,
}

/// Why a template was not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A template cannot be read.
    #[error("cannot read the template `{path}`: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A template is no YAML, or not as it should be.
    #[error("the template `{path}` is not understood: {source}")]
    Template {
        /// Which.
        path: PathBuf,
        /// Why.
        source: TemplateError,
    },
    /// A template is nested in itself, or nearly so.
    #[error("the template `{0}` has more than {TEMPLATES_MAX} templates nested in it; is one nested in itself?")]
    TooMany(PathBuf),
    /// Functions without a binary.
    #[error("no bootstrap was given for {}; build it and name its `CodeUri` as in the template", list(.0))]
    NoBootstrap(Vec<String>),
    /// Binaries without a function.
    #[error("no function has the `CodeUri` {}; names in use: {}", list(.unknown), list(.known))]
    UnknownCode {
        /// The given names.
        unknown: Vec<String>,
        /// The names in the template.
        known: Vec<String>,
    },
    /// Values for parameters that there are not. AWS refuses them, the emulator does not look.
    #[error("the template has no parameter {}; it has: {}", list(.unknown), list(.known))]
    UnknownParameter {
        /// The given names.
        unknown: Vec<String>,
        /// The names in the template.
        known: Vec<String>,
    },
    /// A binary was not packed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The bucket does not take them.
    #[error("cannot upload `{key}` to the bucket `{bucket}`: {reason}")]
    Upload {
        /// The bucket.
        bucket: String,
        /// The object, or nothing for the bucket itself.
        key: String,
        /// What the service says.
        reason: String,
    },
    /// The stack is in a state from which it cannot be updated.
    #[error("stack `{stack}` is in state {status}; delete it first, or wait until it has settled")]
    Unusable {
        /// Its name.
        stack: String,
        /// Its state.
        status: String,
    },
    /// The service does not accept the template or the parameters.
    #[error("stack `{stack}` was refused: {reason}")]
    Refused {
        /// Its name.
        stack: String,
        /// What the service says.
        reason: String,
    },
    /// Resources were not made.
    #[error("stack `{stack}` ended in state {status}:{}", table(.failed))]
    Failed {
        /// Its name.
        stack: String,
        /// Its state.
        status: String,
        /// What failed.
        failed: Vec<FailedResource>,
    },
    /// It never settles.
    #[error("stack `{stack}` is still in state {status} after {} s", DEADLINE.as_secs())]
    TooSlow {
        /// Its name.
        stack: String,
        /// Its state.
        status: String,
    },
    /// CloudFormation cannot be asked.
    #[error("cannot ask for the state of stack `{stack}`: {reason}")]
    Ask {
        /// Its name.
        stack: String,
        /// Why.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn table(failed: &[FailedResource]) -> String {
    let line = |it: &FailedResource| format!("\n  {} ({}) in `{}`: {}", it.resource, it.kind, it.stack, it.reason);
    failed.iter().map(line).collect()
}

/// Packages, uploads and deploys, and waits until the stack has settled. A stack that is as it should
/// be already is a success. `progress` is told each step.
pub async fn deploy(
    config: &SdkConfig,
    deployment: Deployment,
    progress: impl Fn(&str),
) -> Result<StackOutputs, DeployError> {
    let templates = read_templates(&deployment.template)?;
    check_parameters(&templates, &deployment.parameters)?;
    let uploader = Uploader { client: s3_client(config), bucket: &deployment.bucket };
    uploader.create_bucket().await?;
    let code = upload_code(&uploader, &templates, &deployment.bootstraps, &progress).await?;
    let url = upload_templates(&uploader, &templates, &code).await?;
    progress(&format!("deploying stack `{}`", deployment.stack_name));
    Stack { client: Client::new(config), name: &deployment.stack_name }.apply(&url, &deployment.parameters).await
}

/// A template that was read, and what it refers to.
struct Template {
    path: PathBuf,
    text: String,
    references: Vec<Reference>,
}

impl Template {
    /// A path of this template, from where we are.
    fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

/// A template and all that are nested in it, each before those that refer to it.
fn read_templates(root: &Path) -> Result<Vec<Template>, DeployError> {
    let mut waiting = VecDeque::from([root.to_path_buf()]);
    let mut templates = Vec::new();
    while let Some(path) = waiting.pop_front() {
        if templates.len() > TEMPLATES_MAX {
            return Err(DeployError::TooMany(root.to_path_buf()));
        }
        let text = fs::read_to_string(&path).map_err(|source| DeployError::Read { path: path.clone(), source })?;
        let references = references(&text).map_err(|source| DeployError::Template { path: path.clone(), source })?;
        let template = Template { path, text, references };
        let nested = template.references.iter().filter(|reference| reference.kind == Kind::Template);
        waiting.extend(nested.map(|reference| template.resolve(&reference.path)));
        // A template that is nested twice is uploaded twice under the same key.
        templates.insert(0, template);
    }
    Ok(templates)
}

/// That each value is for a parameter of the root template, which is the last one.
fn check_parameters(templates: &[Template], values: &BTreeMap<String, String>) -> Result<(), DeployError> {
    let Some(root) = templates.last() else { return Ok(()) };
    let known = parameters(&root.text).map_err(|source| DeployError::Template { path: root.path.clone(), source })?;
    let unknown: Vec<_> = values.keys().filter(|name| !known.contains(name)).cloned().collect();
    if unknown.is_empty() { Ok(()) } else { Err(DeployError::UnknownParameter { unknown, known }) }
}

/// How a `CodeUri` is compared: `./functions/x/` is `functions/x`.
fn plain(path: &str) -> &str {
    path.trim_start_matches("./").trim_end_matches('/')
}

/// Uploads the archives that are not there yet. Gives the address of each `CodeUri`.
async fn upload_code(
    uploader: &Uploader<'_>,
    templates: &[Template],
    bootstraps: &BTreeMap<String, PathBuf>,
    progress: impl Fn(&str),
) -> Result<BTreeMap<String, String>, DeployError> {
    let references = templates.iter().flat_map(|template| &template.references);
    let code = references.filter(|reference| reference.kind == Kind::Code);
    let used: BTreeSet<_> = code.map(|reference| plain(&reference.path)).collect();
    let given: BTreeMap<_, _> = bootstraps.iter().map(|(uri, path)| (plain(uri), path)).collect();
    let named = |names: Vec<&&str>| names.into_iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();

    let missing = named(used.iter().filter(|uri| !given.contains_key(*uri)).collect());
    if !missing.is_empty() {
        return Err(DeployError::NoBootstrap(missing));
    }
    let unknown = named(given.keys().filter(|uri| !used.contains(*uri)).collect());
    if !unknown.is_empty() {
        return Err(DeployError::UnknownCode { unknown, known: named(used.iter().collect()) });
    }
    let mut addresses = BTreeMap::new();
    for (uri, path) in given {
        let path = path.clone();
        // Reading, hashing and packing 40 MB takes a tenth of a second.
        let read = blocking(move || Bootstrap::read(&path).map(|bootstrap| (bootstrap.key(), bootstrap)));
        let (key, bootstrap) = read.await?;
        if !uploader.has(&key).await {
            progress(&format!("packaging `{uri}`"));
            let zip = blocking(move || bootstrap.zip()).await?;
            uploader.put(&key, zip).await?;
        }
        addresses.insert(uri.to_owned(), format!("s3://{}/{key}", uploader.bucket));
    }
    Ok(addresses)
}

/// Runs what keeps a processor busy apart from the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PackageError> + Send + 'static,
) -> Result<T, DeployError> {
    match spawn_blocking(work).await {
        Ok(result) => result.map_err(DeployError::from),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Uploads the rewritten templates. Gives the address of the root, which is the last one.
async fn upload_templates(
    uploader: &Uploader<'_>,
    templates: &[Template],
    code: &BTreeMap<String, String>,
) -> Result<String, DeployError> {
    let mut urls = BTreeMap::new();
    let mut last = String::new();
    for template in templates {
        let text = rewrite(&template.text, &template.references, |reference| {
            let address = match reference.kind {
                Kind::Code => code.get(plain(&reference.path)),
                Kind::Template => urls.get(&template.resolve(&reference.path)),
            };
            address.cloned().ok_or_else(|| DeployError::NoBootstrap(vec![reference.path.clone()]))
        })?;
        let key = content_key("template", text.as_bytes(), "yaml");
        uploader.put(&key, text.into_bytes()).await?;
        // Path style, as `aws cloudformation package` writes it: AWS takes it as an address, the
        // emulator looks at the path only.
        last = format!("https://s3.{REGION}.amazonaws.com/{}/{key}", uploader.bucket);
        urls.insert(template.path.clone(), last.clone());
    }
    Ok(last)
}

struct Uploader<'a> {
    client: aws_sdk_s3::Client,
    bucket: &'a str,
}

impl Uploader<'_> {
    fn failed(&self, key: &str, reason: String) -> DeployError {
        DeployError::Upload { bucket: self.bucket.to_owned(), key: key.to_owned(), reason }
    }

    async fn create_bucket(&self) -> Result<(), DeployError> {
        if self.client.head_bucket().bucket(self.bucket).send().await.is_ok() {
            return Ok(());
        }
        let created = self.client.create_bucket().bucket(self.bucket).send().await;
        created.map(drop).map_err(|error| self.failed("", said(&error)))
    }

    async fn has(&self, key: &str) -> bool {
        self.client.head_object().bucket(self.bucket).key(key).send().await.is_ok()
    }

    async fn put(&self, key: &str, content: Vec<u8>) -> Result<(), DeployError> {
        let put = self.client.put_object().bucket(self.bucket).key(key).body(content.into());
        put.send().await.map(drop).map_err(|error| self.failed(key, said(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_templates_come_before_those_that_refer_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let stack = |path: &str| {
            format!("Resources:\n  A:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: {path}}}\n")
        };
        write("template.yaml", &stack("infra/a.yaml"));
        write("infra/a.yaml", &stack("deeper/b.yaml"));
        write("infra/deeper/b.yaml", "Resources: {}\n");
        let templates = read_templates(&folder.path().join("template.yaml")).unwrap();
        let names: Vec<_> = templates.iter().map(|it| it.path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, ["infra/deeper/b.yaml", "infra/a.yaml", "template.yaml"].map(Path::new));

        write("self.yaml", &stack("self.yaml"));
        let nested_in_itself = read_templates(&folder.path().join("self.yaml")).map(|_| ());
        assert!(matches!(nested_in_itself, Err(DeployError::TooMany(_))));

        fs::remove_file(folder.path().join("infra/deeper/b.yaml")).unwrap();
        let error = read_templates(&folder.path().join("template.yaml")).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("infra/deeper/b.yaml"), "{error}");
    }

    #[test]
    fn values_for_parameters_that_there_are_not_are_refused() {
        let root = Template {
            path: PathBuf::from("template.yaml"),
            text: "Parameters: {Env: {Type: String}}\nResources: {}\n".to_owned(),
            references: Vec::new(),
        };
        let values = |name: &str| BTreeMap::from([(name.to_owned(), String::new())]);
        assert!(check_parameters(std::slice::from_ref(&root), &values("Env")).is_ok());
        let error = check_parameters(&[root], &values("Evn")).unwrap_err().to_string();
        assert_eq!(error, "the template has no parameter `Evn`; it has: `Env`");
    }

    #[test]
    fn the_slashes_around_a_path_do_not_matter() {
        assert_eq!(plain("./functions/x/"), plain("functions/x"));
    }
}
