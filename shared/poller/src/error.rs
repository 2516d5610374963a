//! Why a poll could not run at all. What goes wrong with single requests stands in the outcome.

use std::fmt;

use aws::SecretError;
use lambda_runtime::Diagnostic;
use pipeline::port::CallError;
use upstream::BadAccess;

/// Why a poll could not run.
#[derive(thiserror::Error)]
pub enum PollError {
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret holds no access to the vendor.
    #[error(transparent)]
    Access(#[from] BadAccess),
    /// Whether another run is under way cannot be told.
    #[error("the job's turn cannot be taken or given back: {}", .0.message)]
    Turn(CallError),
}

/// Lambda's runtime logs errors in this form: a person is to read the sentence.
impl fmt::Debug for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<PollError> for Diagnostic {
    fn from(error: PollError) -> Self {
        let error_type = match error {
            PollError::Secret(_) => "SecretUnavailable",
            PollError::Access(_) => "SecretUnusable",
            PollError::Turn(_) => "StateUnavailable",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}
