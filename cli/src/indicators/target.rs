//! A file that appears under its name when it is complete, or not at all.
//!
//! It is written beside its place under another name and renamed at last; dropped before, it is removed.
//! What is no file, such as `/dev/null` or a pipe, is written to as it is.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

/// What new files may be, before the umask takes its part.
const MODE: u32 = 0o666;

/// Where something is being written to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A file that will have this path.
    Beside(NamedTempFile, PathBuf),
    /// What is no file.
    Device(File),
}

impl Target {
    /// Begins to write. An existing file stays as it is until [`publish`](Self::publish).
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut mode = Permissions::from_mode(MODE);
        let mut place = path.to_owned();
        match fs::metadata(path) {
            Ok(existing) if existing.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(existing) => {
                // A file that must not be written must not be replaced either.
                let opened = OpenOptions::new().write(true).open(path)?;
                if !existing.is_file() {
                    return Ok(Self::Device(opened));
                }
                mode = existing.permissions();
                // A link goes on to lead to the file.
                place = fs::canonicalize(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = Builder::new().prefix(".kinetick-").suffix(".tmp").permissions(mode).tempfile_in(folder)?;
        Ok(Self::Beside(file, place))
    }

    /// A handle to write by.
    pub(crate) fn writer(&self) -> io::Result<File> {
        match self {
            Self::Beside(file, _) => file.as_file().try_clone(),
            Self::Device(device) => device.try_clone(),
        }
    }

    /// Gives the file its name, all of it being on the disk.
    pub(crate) fn publish(self) -> io::Result<()> {
        if let Self::Beside(file, place) = self {
            file.as_file().sync_all()?;
            file.persist(place)?;
        }
        Ok(())
    }
}

/// Whether both paths lead to the same file.
pub(crate) fn same(one: &Path, two: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(two)) {
        (Ok(one), Ok(two)) => one == two && one.is_file(),
        // Files that are not there yet.
        _ => one == two,
    }
}
