//! A function's code: a folder, an archive or what the emulator holds comes in, an executable bootstrap leaves.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The name that Lambda starts in a custom runtime.
pub(crate) const BOOTSTRAP: &str = "bootstrap";

/// The bootstrap of code on this disk: in a folder, or in an archive that is unpacked to `into`; none if there is none.
pub(crate) fn find(code: &Path, into: &Path) -> io::Result<Option<PathBuf>> {
    if code.is_dir() {
        let bootstrap = code.join(BOOTSTRAP);
        return if bootstrap.is_file() { absolute(&bootstrap).map(Some) } else { Ok(None) };
    }
    if code.is_file() { unpack(&fs::read(code)?, into) } else { Ok(None) }
}

fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    let mode = path.metadata()?.permissions().mode();
    if mode & 0o111 == 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("`{}` is not executable; `chmod +x` it", path.display()),
        ));
    }
    Ok(path)
}

/// Unpacks an archive, and gives its bootstrap. A bootstrap is made executable: not every archive keeps modes.
pub(crate) fn unpack(archive: &[u8], into: &Path) -> io::Result<Option<PathBuf>> {
    fs::create_dir_all(into)?;
    let mut archive = zip::ZipArchive::new(io::Cursor::new(archive)).map_err(io::Error::other)?;
    archive.extract(into).map_err(io::Error::other)?;
    let bootstrap = into.join(BOOTSTRAP);
    if !bootstrap.is_file() {
        return Ok(None);
    }
    fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))?;
    bootstrap.canonicalize().map(Some)
}

/// Packs a file or a folder for the emulator's own runtimes.
pub(crate) fn pack(code: &Path, archive: &Path) -> io::Result<()> {
    if code.is_file() {
        return fs::copy(code, archive).map(drop);
    }
    let mut zip = zip::ZipWriter::new(fs::File::create(archive)?);
    let mut waiting = vec![code.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let name = path.strip_prefix(code).unwrap_or(&path).display().to_string();
            let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
            zip.start_file(name, options).map_err(io::Error::other)?;
            zip.write_all(&fs::read(&path)?)?;
        }
    }
    zip.finish().map_err(io::Error::other).map(drop)
}
