//! Where the workspace is and what it consists of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use xshell::{Shell, cmd};

/// A shell in the root of the workspace, wherever the task was started.
///
/// The root is asked for at run time: a path compiled in would be wrong where two checkouts share a target folder.
pub(crate) fn shell() -> Result<Shell> {
    let sh = Shell::new()?;
    let manifest = cmd!(
        sh,
        "cargo locate-project --workspace --message-format plain"
    )
    .quiet()
    .read()?;
    let root = Path::new(&manifest)
        .parent()
        .context("the workspace manifest is in no folder")?;
    sh.change_dir(root);
    Ok(sh)
}

/// The workspace, its packages and all they depend on, on every platform.
pub(crate) fn metadata(sh: &Shell) -> Result<Metadata> {
    MetadataCommand::new()
        .current_dir(sh.current_dir())
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .context("failed to read the workspace with cargo metadata")
}

/// Where cargo builds.
pub(crate) fn target_folder(sh: &Shell) -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .current_dir(sh.current_dir())
        .no_deps()
        .exec()
        .context("failed to ask cargo for its target folder")?;
    Ok(metadata.target_directory.into())
}

/// The variable that names the program where somebody built it before.
pub(crate) const PROGRAM: &str = "PANELD_XTASK_PROGRAM";

/// Where `paneld` is, built for debugging: the one that [`PROGRAM`] names, or else one that is built
/// now.
pub(crate) fn program(sh: &Shell) -> Result<PathBuf> {
    if let Ok(program) = sh.var(PROGRAM) {
        return Ok(program.into());
    }
    cmd!(sh, "cargo build --quiet --locked --package paneld")
        .quiet()
        .run()?;
    Ok(target_folder(sh)?.join("debug").join("paneld"))
}

/// Every file that is committed or would be with `git add --all`, relative to the root, with `/` between folders.
pub(crate) fn files(sh: &Shell) -> Result<BTreeSet<String>> {
    let listed = cmd!(sh, "git ls-files -z --cached --others --exclude-standard")
        .quiet()
        .read()?;
    // Git goes on listing a file that was deleted but not yet staged.
    Ok(listed
        .split('\0')
        .filter(|path| !path.is_empty() && sh.path_exists(path))
        .map(str::to_owned)
        .collect())
}
