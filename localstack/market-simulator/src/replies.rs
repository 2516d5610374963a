//! Prepared replies: a folder enters, each of its cases leaves exactly once, to a request of its function.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::function::Function;

/// The name of the list in the folder.
const INDEX: &str = "index.json";

/// Why a folder of prepared replies cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RepliesError {
    /// The list or a file of it cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The list is not of the right shape.
    #[error(
        "`{path}` is not a list of replies: {reason}; expected \
         {{\"cases\":[{{\"file\",\"function\",\"http_status\",\"expect\":[…]}}, …]}}"
    )]
    Index {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A case that cannot be served.
    #[error("case {number} of `{path}`: {reason}")]
    Case {
        /// The list.
        path: PathBuf,
        /// Its place in the list, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody would ask for any of them.
    #[error("with prepared replies, name the symbols or pairs, or the functions, that will be asked for")]
    NothingInUse,
}

#[derive(Deserialize)]
struct Index {
    cases: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    function: String,
    http_status: u16,
    expect: Vec<String>,
}

/// One prepared reply.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    is_csv: bool,
    is_data: bool,
}

/// A case that nobody will ask for.
#[derive(Debug)]
struct NotInUse {
    file: String,
    function: String,
    why: String,
}

/// The cases that are still to be served, by function.
#[derive(Debug)]
pub(crate) struct Replies {
    waiting: BTreeMap<Function, VecDeque<Arc<Case>>>,
    to_serve: usize,
    served: usize,
    after_the_last: u64,
    not_in_use: Vec<NotInUse>,
}

impl Replies {
    /// Reads a folder for somebody who asks for these functions.
    pub(crate) fn load(folder: &Path, in_use: &[Function]) -> Result<Self, RepliesError> {
        if in_use.is_empty() {
            return Err(RepliesError::NothingInUse);
        }
        let path = folder.join(INDEX);
        let index: Index = serde_json::from_slice(&read(&path)?)
            .map_err(|error| RepliesError::Index { path: path.clone(), reason: error.to_string() })?;

        let mut waiting: BTreeMap<Function, VecDeque<Arc<Case>>> =
            in_use.iter().map(|function| (*function, VecDeque::new())).collect();
        let mut not_in_use = Vec::new();
        for (place, entry) in index.cases.into_iter().enumerate() {
            let case = Arc::new(Case::load(folder, &entry).map_err(|found| found.at(&path, place + 1))?);
            let functions: Vec<Function> = if entry.function == "any" {
                in_use.to_vec()
            } else {
                Function::find(&entry.function).filter(|function| in_use.contains(function)).into_iter().collect()
            };
            if functions.is_empty() {
                let why = why_not(&entry.function);
                not_in_use.push(NotInUse { file: entry.file, function: entry.function, why });
            }
            for function in functions {
                waiting.entry(function).or_default().push_back(case.clone());
            }
        }
        for cases in waiting.values_mut() {
            // Stable: within data and within refusals the order of the list remains.
            cases.make_contiguous().sort_by_key(|case| !case.is_data);
        }
        let to_serve = waiting.values().map(VecDeque::len).sum();
        Ok(Self { waiting, to_serve, served: 0, after_the_last: 0, not_in_use })
    }

    /// The next case for a request, which is then served. A request for CSV takes a CSV case first;
    /// no other request ever gets one. `None`: nothing is left for this request.
    pub(crate) fn next(&mut self, function: Function, wants_csv: bool) -> Option<Arc<Case>> {
        let next = self.waiting.get_mut(&function).and_then(|cases| {
            let csv = cases.iter().position(|case| case.is_csv).filter(|_| wants_csv);
            let index = csv.or_else(|| cases.iter().position(|case| !case.is_csv))?;
            cases.remove(index)
        });
        match next {
            Some(_) => self.served += 1,
            None => self.after_the_last += 1,
        }
        next
    }

    pub(crate) fn status(&self) -> Value {
        let csv = self.waiting.values().flatten().filter(|case| case.is_csv).count();
        let not_in_use: Vec<Value> = self
            .not_in_use
            .iter()
            .map(|case| json!({"file": case.file, "function": case.function, "why": case.why}))
            .collect();
        let waiting: serde_json::Map<String, Value> = self
            .waiting
            .iter()
            .map(|(function, cases)| {
                (function.as_str().to_owned(), cases.iter().filter(|case| !case.is_csv).count().into())
            })
            .collect();
        json!({
            "waiting": waiting,
            "to_serve": self.to_serve, "served": self.served, "done": self.served == self.to_serve,
            "waiting_for_csv": csv, "after_the_last": self.after_the_last, "not_in_use": not_in_use,
        })
    }
}

/// Why a case cannot be loaded, before its place in the list is known.
enum BadCase {
    Reason(String),
    Read(RepliesError),
}

impl BadCase {
    fn at(self, path: &Path, number: usize) -> RepliesError {
        match self {
            Self::Reason(reason) => RepliesError::Case { path: path.to_owned(), number, reason },
            Self::Read(error) => error,
        }
    }
}

impl Case {
    fn load(folder: &Path, entry: &Entry) -> Result<Self, BadCase> {
        let file = &entry.file;
        if file.is_empty() || file.contains(['/', '\\']) {
            return Err(BadCase::Reason(format!("file `{file}` is not the name of a file in the folder")));
        }
        let extension = Path::new(file).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let content_type = match extension {
            "json" => "application/json",
            "csv" => "application/x-download",
            "html" => "text/html; charset=utf-8",
            _ => return Err(BadCase::Reason(format!("file `{file}` has no known type; allowed: .json, .csv, .html"))),
        };
        if !(200..=599).contains(&entry.http_status) {
            return Err(BadCase::Reason(format!("http_status `{}` is not one of 200 to 599", entry.http_status)));
        }
        Ok(Self {
            file: file.clone(),
            status: entry.http_status,
            content_type,
            body: read(&folder.join(file)).map_err(BadCase::Read)?.into(),
            is_csv: extension == "csv",
            is_data: entry.expect.iter().any(|class| class == "data"),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RepliesError> {
    std::fs::read(path).map_err(|source| RepliesError::Read { path: path.to_owned(), source })
}

fn why_not(function: &str) -> String {
    match Function::find(function) {
        None => format!("the simulator does not serve {function}"),
        Some(Function::GlobalQuote | Function::TimeSeriesIntraday) => "no symbol is asked for".to_owned(),
        Some(Function::CurrencyExchangeRate) => "no pair is asked for".to_owned(),
        Some(Function::DigitalCurrencyDaily) => "no pair of a digital currency is asked for".to_owned(),
        Some(_) => "it is not among the functions that will be asked for".to_owned(),
    }
}
