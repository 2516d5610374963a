//! A bootstrap comes in, the zip that Lambda takes leaves, under a name made of its content.
//!
//! The same binary always gives the same bytes and the same name, so it is packed and uploaded once.
//! Nothing is built here.

use std::{
    fs,
    io::{self, Cursor, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// The name that Lambda starts in a custom runtime.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>
const FILE_NAME: &str = "bootstrap";
const MODE: u32 = 0o755;

/// Why a bootstrap was not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The binary cannot be read.
    #[error("cannot read the bootstrap `{path}`: {source}; was it built?")]
    Binary {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The archive was not made.
    #[error("cannot pack the bootstrap `{path}`: {source}")]
    Zip {
        /// Which.
        path: PathBuf,
        /// Why.
        source: zip::result::ZipError,
    },
}

/// A built binary, read; or an archive that somebody else packed, by a name that ends in `.zip`.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    path: PathBuf,
    content: Vec<u8>,
}

impl Bootstrap {
    /// Reads a binary or an archive.
    pub fn read(path: &Path) -> Result<Self, PackageError> {
        let content = fs::read(path).map_err(|source| PackageError::Binary { path: path.to_path_buf(), source })?;
        Ok(Self { path: path.to_path_buf(), content })
    }

    /// The key of its archive in a bucket: `code/<SHA-256 of the binary>.zip`.
    pub fn key(&self) -> String {
        content_key("code", &self.content, "zip")
    }

    /// The archive: one file `bootstrap` with mode 0755 and a fixed time. It is not
    /// compressed: it goes over loopback, and packing 40 MB would take longer than all the rest. An archive stays as it is.
    pub fn zip(&self) -> Result<Vec<u8>, PackageError> {
        if self.path.extension().is_some_and(|extension| extension == "zip") {
            return Ok(self.content.clone());
        }
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(MODE);
        let failed = |source| PackageError::Zip { path: self.path.clone(), source };
        let mut archive = ZipWriter::new(Cursor::new(Vec::with_capacity(self.content.len() + 1024)));
        archive.start_file(FILE_NAME, options).map_err(failed)?;
        archive.write_all(&self.content).map_err(|error| failed(error.into()))?;
        Ok(archive.finish().map_err(failed)?.into_inner())
    }
}

/// `<folder>/<SHA-256 of the content>.<extension>`
pub fn content_key(folder: &str, content: &[u8], extension: &str) -> String {
    format!("{folder}/{:x}.{extension}", Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;
    use zip::ZipArchive;

    use super::*;

    fn check(content: &[u8]) {
        let bootstrap = Bootstrap { path: PathBuf::from("x"), content: content.to_vec() };
        let zip = bootstrap.zip().unwrap();
        assert_eq!(zip, bootstrap.zip().unwrap(), "the same binary gives the same bytes");
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_name(FILE_NAME).unwrap();
        assert_eq!(file.unix_mode().unwrap() & 0o777, MODE);
        assert_eq!(file.last_modified(), Some(DateTime::default()));
        let mut back = Vec::new();
        file.read_to_end(&mut back).unwrap();
        assert_eq!(back, content);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_binary_comes_back_as_a_bootstrap(content in prop::collection::vec(any::<u8>(), 0..4096)) {
            check(&content);
        }
    }

    #[test]
    fn a_key_is_the_hash_of_the_binary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        fs::write(&path, "abc").unwrap();
        let expected = "code/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.zip";
        assert_eq!(Bootstrap::read(&path).unwrap().key(), expected);
        let error = Bootstrap::read(&folder.path().join("none")).unwrap_err().to_string();
        assert!(error.ends_with("was it built?"), "{error}");
    }
}
