//! Sets up and drives the AWS emulator MiniStack, for the command-line tool and the integration tests.
//!
//! In goes a checkout with its lock file, a template and built bootstraps; out comes a running
//! emulator on a free loopback port with the template deployed to it, and what the pipeline did
//! there: logs, stream records, objects. One file per step, in the order in which they are used:
//! [`python`] makes the environment that MiniStack runs in, [`process`] starts and ends it,
//! [`client`] makes the SDK configuration, [`mod@deploy`] packages and deploys, [`functions`] invokes,
//! [`logs`], [`streams`] and [`objects`] read what came out.
//!
//! Nothing here prints, knows the pipeline's own resources, or emulates anything: in particular not
//! the event source mapping, of which MiniStack has only the happy path.

pub mod client;
pub mod deploy;
pub mod functions;
pub mod logs;
pub mod objects;
pub mod package;
pub mod process;
pub mod python;
mod stack;
pub mod streams;
pub mod template;

pub use client::{s3_client, sdk_config};
pub use deploy::{Deployment, StackOutputs, deploy};
pub use process::{Emulator, Options, Running};
pub use python::Venv;
