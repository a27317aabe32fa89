//! Programs that are installed with `pip`, each set in a virtual environment of its own below the
//! target folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// Makes an environment with exactly these requirements, unless it is there; the folder of its
/// programs.
///
/// # Errors
/// When there is no Python, or a package cannot be had.
pub(crate) fn environment(sh: &Shell, folder: &Path, requirements: &str) -> Result<PathBuf> {
    let wanted = sh.read_file(requirements)?;
    let (programs, installed) = (folder.join("bin"), folder.join("requirements.txt"));
    if sh
        .read_file(&installed)
        .is_ok_and(|before| before == wanted)
    {
        return Ok(programs);
    }
    println!("installing {requirements}");
    cmd!(sh, "python3 -m venv --clear {folder}")
        .quiet()
        .run()
        .context("failed to make a virtual environment; it needs Python 3.10 or later")?;
    let pip = programs.join("pip");
    // Nothing is built from source here: that would take compilers, and long.
    cmd!(
        sh,
        "{pip} install --quiet --disable-pip-version-check --retries 1 --timeout 60 --only-binary :all: --require-hashes --requirement {requirements}"
    )
    .quiet()
    .run()
    .with_context(|| format!("failed to install {requirements} from PyPI"))?;
    sh.write_file(&installed, wanted)?;
    Ok(programs)
}
