//! A file that appears whole or not at all.
//!
//! On Linux it has no name until all of it is on the disk, so that not even a process that is killed
//! leaves a part of it; where the system or the file system has no unnamed files, it has a name that
//! begins with `.ainv-` beside its own.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// A file that is written, and takes its name at the end.
pub(crate) struct Whole {
    path: PathBuf,
    /// Of the file that it will replace.
    permissions: Option<Permissions>,
    file: Unfinished,
}

enum Unfinished {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl Whole {
    /// Begins a file of that name. A link keeps pointing to the file, which is replaced.
    pub(crate) fn create(path: &Path) -> io::Result<Whole> {
        let path = followed(path)?;
        let permissions = match fs::metadata(&path) {
            Ok(about) => Some(about.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if permissions.as_ref().is_some_and(Permissions::readonly) {
            let what = "there is such a file, which may not be written to";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
        // What takes the place of a file is nobody else's until it has that file's permissions.
        let mode = if permissions.is_some() { 0o600 } else { 0o666 };
        let file = Unfinished::create(folder(&path), mode)?;
        Ok(Whole { path, permissions, file })
    }

    /// Makes the file appear.
    pub(crate) fn finish(self) -> io::Result<()> {
        let file = self.file.as_file();
        if let Some(permissions) = self.permissions {
            file.set_permissions(permissions)?;
        }
        file.sync_all()?;
        self.file.take_name(&self.path)?;
        // The name, too, outlives a loss of power; where a folder cannot be synced, it is late for
        // an error.
        #[cfg(unix)]
        let _ = File::open(folder(&self.path)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file().flush()
    }
}

impl Unfinished {
    /// With these permissions, of which the umask takes its share.
    #[cfg(target_os = "linux")]
    fn create(folder: &Path, mode: u32) -> io::Result<Unfinished> {
        use rustix::fs::{Mode, OFlags, open};
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match open(folder, flags, Mode::from_raw_mode(mode)).map(File::from) {
            Ok(file) if descriptor(&file).exists() => Ok(Unfinished::Unnamed(file)),
            // If the folder is at fault, it will say so again.
            _ => named(folder, mode),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn create(folder: &Path, mode: u32) -> io::Result<Unfinished> {
        named(folder, mode)
    }

    fn as_file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Unfinished::Unnamed(file) => file,
            Unfinished::Named(file) => file.as_file(),
        }
    }

    fn take_name(self, path: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Unfinished::Unnamed(file) => {
                let Err(error) = link(&file, path) else { return Ok(()) };
                if error.kind() != io::ErrorKind::AlreadyExists {
                    return Err(error);
                }
                // Only a rename replaces a name, and only names can be renamed.
                let named = prefixed().make_in(folder(path), |name| link(&file, name))?;
                named.persist(path)?;
            }
            Unfinished::Named(file) => {
                file.persist(path)?;
            }
        }
        Ok(())
    }
}

fn prefixed() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".ainv-");
    builder
}

fn named(folder: &Path, mode: u32) -> io::Result<Unfinished> {
    let builder = &mut prefixed();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    Ok(Unfinished::Named(builder.tempfile_in(folder)?))
}

/// Where an open file can be found, whether or not it has a name.
#[cfg(target_os = "linux")]
fn descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    Ok(linkat(CWD, descriptor(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The file that a link leads to, even if there is none yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links, one leading to the next"))
}
