//! Deploys a template as it is to the emulator, also one with resources that the emulator does not know.
//!
//! A template and those nested in it come in; a stack is there afterwards, and the programs of its functions are named.
//! Resources of unknown types, and what refers to them, get a condition that never holds, which the emulator passes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use aws_sdk_cloudformation::{Client, error::ProvideErrorMetadata};
use emulator::{Deployment, StackOutputs, deploy::DeployError, sdk_config};
use sam_template::{Given, Template, TemplateError};
use serde_json::json;

use crate::code;

/// A template that is to be deployed.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// The root template.
    pub template: PathBuf,
    /// Name of the stack.
    pub stack: String,
    /// Values of the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Programs that were built already, by `CodeUri` as the template has it.
    pub built: BTreeMap<String, PathBuf>,
}

/// What is there after a template was deployed.
#[derive(Debug, Default)]
pub struct Deployed {
    /// The program of each function on this disk, by its logical id.
    pub bootstraps: BTreeMap<String, PathBuf>,
    /// The stack's outputs.
    pub outputs: StackOutputs,
    /// What was left out, and why.
    pub unknown: Vec<String>,
    /// Holds what was unpacked; to be kept as long as the programs run.
    pub folder: Option<tempfile::TempDir>,
}

/// Why a template was not deployed.
#[derive(Debug, thiserror::Error)]
pub enum TemplateFailure {
    /// A file cannot be read or written.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A template is none.
    #[error("the template `{path}` is not understood: {source}")]
    Template {
        /// Which.
        path: PathBuf,
        /// Why.
        source: TemplateError,
    },
    /// A function without a program.
    #[error(
        "function `{function}` has no `bootstrap` in its `CodeUri` `{code}` nor in `.aws-sam/build/{function}`: build it \
         first, by `sam build` or `cargo lambda build`, or put an executable file `bootstrap` there"
    )]
    NoBootstrap {
        /// Its logical id.
        function: String,
        /// Its `CodeUri`.
        code: String,
    },
    /// The emulator cannot be asked.
    #[error("cannot ask the emulator which types it knows: {0}")]
    Ask(String),
    /// It was not deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
}

struct Work<'a> {
    foreign: &'a Foreign,
    folder: &'a Path,
    unknown_types: BTreeSet<String>,
    deployed: Deployed,
    /// For each `CodeUri`, as an absolute path, what is deployed.
    code: BTreeMap<String, PathBuf>,
    /// The templates that are written already.
    written: BTreeMap<PathBuf, PathBuf>,
}

/// Deploys it, and waits until it is there. `progress` is told each step.
pub async fn deploy(endpoint: &str, foreign: &Foreign, progress: impl Fn(&str)) -> Result<Deployed, TemplateFailure> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| TemplateFailure::File { path, source }
    };
    let folder = tempfile::Builder::new().prefix("kinetick-template-").tempdir();
    let folder = folder.map_err(file(Path::new("/tmp")))?;
    let root = foreign.template.canonicalize().map_err(file(&foreign.template))?;
    let mut types = BTreeSet::new();
    collect_types(&root, &mut types, 0)?;
    let mut work = Work {
        foreign,
        folder: folder.path(),
        unknown_types: unknown_types(endpoint, &types).await?,
        deployed: Deployed::default(),
        code: BTreeMap::new(),
        written: BTreeMap::new(),
    };
    let template = work.rewrite(&root, &foreign.parameters)?;
    let deployment = Deployment {
        template,
        stack_name: foreign.stack.clone(),
        parameters: foreign.parameters.clone(),
        bootstraps: work.code,
        bucket: "kinetick-deployment".to_owned(),
    };
    let mut deployed = work.deployed;
    deployed.outputs = emulator::deploy(&sdk_config(endpoint), deployment, progress).await?;
    deployed.folder = Some(folder);
    Ok(deployed)
}

fn parse(path: &Path) -> Result<(String, Template), TemplateFailure> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|source| TemplateFailure::File { path: path.to_owned(), source })?;
    let template = Template::parse(&text);
    let template = template.map_err(|source| TemplateFailure::Template { path: path.to_owned(), source })?;
    Ok((text, template))
}

/// The path of a nested template, if it is one on this disk.
fn nested(template: &Path, kind: &str, property: &str, text: &str) -> Option<PathBuf> {
    let is_location = matches!(
        (kind, property),
        ("AWS::CloudFormation::Stack", "TemplateURL") | ("AWS::Serverless::Application", "Location")
    );
    (is_location && !text.contains("://")).then(|| template.parent().unwrap_or(Path::new("")).join(text))
}

fn collect_types(path: &Path, types: &mut BTreeSet<String>, depth: usize) -> Result<(), TemplateFailure> {
    let (text, template) = parse(path)?;
    types.extend(template.resource_types().into_iter().map(|(_, kind)| kind.to_owned()));
    let references = emulator::template::references(&text).unwrap_or_default();
    for reference in references.iter().filter(|it| it.kind == emulator::template::Kind::Template) {
        // The emulator refuses what is nested in itself.
        if depth < 8 {
            collect_types(&path.parent().unwrap_or(Path::new("")).join(&reference.path), types, depth + 1)?;
        }
    }
    Ok(())
}

/// Those types that the emulator does not know: it names all of a template at once.
async fn unknown_types(endpoint: &str, types: &BTreeSet<String>) -> Result<BTreeSet<String>, TemplateFailure> {
    let plain = types.iter().filter(|kind| !kind.starts_with("AWS::Serverless::")).enumerate();
    let resources: serde_json::Map<_, _> = plain.map(|(n, kind)| (format!("R{n}"), json!({"Type": kind}))).collect();
    if resources.is_empty() {
        return Ok(BTreeSet::new());
    }
    let client = Client::new(&sdk_config(endpoint));
    let body = json!({"Resources": resources}).to_string();
    let error = match client.validate_template().template_body(body).send().await {
        Ok(_) => return Ok(BTreeSet::new()),
        Err(error) => error,
    };
    let Some(message) = error.message() else {
        let error = aws_sdk_cloudformation::error::DisplayErrorContext(&error);
        return Err(TemplateFailure::Ask(error.to_string()));
    };
    let named = message.split_once("Unrecognized resource types: [").and_then(|(_, rest)| rest.split(']').next());
    // Whatever else it has to say about resources without properties does not matter.
    Ok(named.unwrap_or_default().split(", ").filter(|kind| !kind.is_empty()).map(str::to_owned).collect())
}

impl Work<'_> {
    /// Writes a template as the emulator takes it. Gives where.
    fn rewrite(&mut self, path: &Path, parameters: &BTreeMap<String, String>) -> Result<PathBuf, TemplateFailure> {
        if let Some(written) = self.written.get(path) {
            return Ok(written.clone());
        }
        let (text, template) = parse(path)?;
        let mut inner = BTreeMap::new();
        for reference in emulator::template::references(&text).unwrap_or_default() {
            if reference.kind == emulator::template::Kind::Template {
                let other = path.parent().unwrap_or(Path::new("")).join(&reference.path);
                // What it is given is known to the deployment only; its defaults do for its functions.
                inner.insert(other.clone(), self.rewrite(&other, &BTreeMap::new())?);
            }
        }
        let kinds = template.resource_types();
        let unknown: Vec<_> = kinds.iter().filter(|(_, kind)| self.unknown_types.contains(*kind)).collect();
        let ids: Vec<_> = unknown.iter().map(|(id, _)| *id).collect();
        self.functions(path, &template, parameters)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let (json, left_out) = template.without(&ids, |kind, property, text| {
            let is_code = property == "CodeUri" && matches!(kind, "AWS::Serverless::Function" | "Globals");
            if is_code && !text.contains("://") {
                return Some(key(folder, text));
            }
            inner.get(&nested(path, kind, property, text)?).map(|path| path.display().to_string())
        });
        for id in left_out {
            let kind = kinds.iter().find(|(own, _)| *own == id).map_or("", |(_, kind)| kind);
            let why = if self.unknown_types.contains(kind) {
                "the emulator does not know this type"
            } else {
                "it refers to a resource that is left out"
            };
            self.deployed.unknown.push(format!("resource `{id}` ({kind}): {why}"));
        }
        let written = self.folder.join(format!("template-{}.json", self.written.len()));
        fs::write(&written, json).map_err(|source| TemplateFailure::File { path: written.clone(), source })?;
        self.written.insert(path.to_owned(), written.clone());
        Ok(written)
    }

    /// Finds the programs of a template's functions, and what is to be deployed for each `CodeUri`.
    fn functions(
        &mut self,
        path: &Path,
        template: &Template,
        parameters: &BTreeMap<String, String>,
    ) -> Result<(), TemplateFailure> {
        let given = Given::parameters(parameters.clone());
        let functions = template.functions(&given);
        let functions = functions.map_err(|source| TemplateFailure::Template { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for function in functions.iter().filter(|function| function.kind == "AWS::Serverless::Function") {
            let property = |name: &str| function.properties.get(name).and_then(sam_template::Value::text);
            let Some(uri) = property("CodeUri").filter(|uri| !uri.contains("://")) else { continue };
            let runtime = property("Runtime").unwrap_or_default();
            let code = folder.join(uri);
            let file = |source| TemplateFailure::File { path: code.clone(), source };
            if !runtime.starts_with("provided") {
                if !self.code.contains_key(&key(folder, uri)) {
                    let archive = self.folder.join(format!("code-{}.zip", self.code.len()));
                    code::pack(&code, &archive).map_err(file)?;
                    self.code.insert(key(folder, uri), archive);
                }
                continue;
            }
            let plain = |uri: &str| uri.trim_start_matches("./").trim_end_matches('/').to_owned();
            let built =
                self.foreign.built.iter().find(|(own, _)| plain(own) == plain(uri)).map(|(_, path)| path.clone());
            let bootstrap = match built {
                Some(built) => Some(built),
                None => {
                    let into = self.folder.join(format!("unpacked-{}", function.id));
                    let sam = folder.join(".aws-sam/build").join(&function.id);
                    match code::find(&sam, &into).map_err(file)? {
                        Some(found) => Some(found),
                        None => code::find(&code, &into).map_err(file)?,
                    }
                }
            };
            let Some(bootstrap) = bootstrap else {
                return Err(TemplateFailure::NoBootstrap { function: function.id.clone(), code: uri.to_owned() });
            };
            self.code.entry(key(folder, uri)).or_insert_with(|| bootstrap.clone());
            self.deployed.bootstraps.insert(function.id.clone(), bootstrap);
        }
        Ok(())
    }
}

/// How a `CodeUri` stands in the template that is deployed.
fn key(folder: &Path, uri: &str) -> String {
    folder.join(uri.trim_start_matches("./").trim_end_matches('/')).display().to_string()
}
