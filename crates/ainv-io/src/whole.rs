//! A file that appears whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Lets `content` write to a file beside `path`, which takes that name once all of it is on the
/// disk. On an error nothing stays.
pub(crate) fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // A rename would put a file in the place of a device or of a link.
    let path = match fs::metadata(path) {
        Ok(about) if about.is_file() => fs::canonicalize(path)?,
        Ok(_) => return Err(io::Error::other("the name is taken, and not by a regular file")),
        Err(_) => path.to_owned(),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ainv-");
    #[cfg(unix)]
    {
        // As of any new file; the umask takes its share.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    let mut to = BufWriter::with_capacity(1 << 16, file.as_file_mut());
    content(&mut to)?;
    to.flush()?;
    drop(to);
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|e| e.error)?;
    Ok(())
}
