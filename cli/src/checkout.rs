//! The checkout that the command works on: where the template and the sources are, and where it keeps its files.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// A checkout of kinetick.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The one that holds the current folder.
    pub(crate) fn find() -> Result<Self> {
        let here = std::env::current_dir()?;
        let is_root = |folder: &&Path| folder.join("template.yaml").is_file() && folder.join("Cargo.lock").is_file();
        match here.ancestors().find(is_root) {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => bail!("`{}` is in no checkout of kinetick: change into one", here.display()),
        }
    }

    /// Its folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of everything that the command makes; git ignores it.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.join(".kinetick")
    }

    /// The file that says what was left running.
    pub(crate) fn kept(&self) -> PathBuf {
        self.work().join("kept.json")
    }
}
