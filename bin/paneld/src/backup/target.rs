//! Where a backup is written: under another name until all of it is on the disk.

use std::{
    fs::{self, File},
    io::{BufReader, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use paneld_server::backup::BackupFile;
use tar::{EntryType, Header};
use zstd::stream::write::Encoder;

use super::{
    form::{Summed, beside, create, is_archive, remove},
    manifest::{FileEntry, MANIFEST, Manifest},
};

/// What zstd recommends: faster than most disks, and a quarter of the bytes.
const LEVEL: i32 = 3;

/// A backup that is being written. Dropped before it is [finished](Self::finish), it leaves
/// nothing.
pub(super) struct Target {
    path: PathBuf,
    unfinished: PathBuf,
    form: Form,
}

enum Form {
    Folder,
    Archive(Box<tar::Builder<Encoder<'static, File>>>),
    Finished,
}

impl Target {
    pub(super) fn begin(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.exists() {
            bail!("{shown} is there already: give a name that is not");
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !is_archive(path) && matches!(extension, Some("tar" | "zst" | "gz" | "tgz" | "zip")) {
            bail!("{shown} must end in .tar.zst, or be the name of a folder");
        }
        let unfinished = beside(path, ".unfinished");
        remove(&unfinished)?;
        let form = if is_archive(path) {
            let mut encoder = Encoder::new(create(&unfinished)?, LEVEL)?;
            encoder.include_checksum(true)?;
            Form::Archive(Box::new(tar::Builder::new(encoder)))
        } else {
            paneld_files::make_folder(&unfinished)
                .with_context(|| format!("cannot make {}", unfinished.display()))?;
            Form::Folder
        };
        Ok(Self {
            path: path.to_owned(),
            unfinished,
            form,
        })
    }

    /// Copies a file, as many bytes as it is said to have; fewer are an error.
    pub(super) fn add(&mut self, part: BackupFile) -> anyhow::Result<FileEntry> {
        let BackupFile {
            name,
            path,
            bytes,
            contents,
        } = part;
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut summed = Summed::new(BufReader::new(file).take(bytes));
        let written = match &mut self.form {
            Form::Folder => {
                let mut copy = create(&self.unfinished.join(&name))?;
                summed.copy_to(&mut copy).and_then(|()| copy.sync_all())
            }
            Form::Archive(archive) => archive.append_data(&mut header(bytes), &name, &mut summed),
            Form::Finished => Ok(()),
        };
        written.with_context(|| format!("cannot copy {} to {}", name, self.path.display()))?;
        let (copied, sha256) = summed.sum();
        if copied != bytes {
            bail!("{} became shorter while it was copied", path.display());
        }
        Ok(FileEntry {
            name,
            bytes,
            sha256,
            contents,
        })
    }

    /// Writes the manifest, and gives the backup its name once everything is on the disk.
    pub(super) fn finish(mut self, manifest: &Manifest) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(manifest)? + "\n";
        self.write_rest(&text)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn write_rest(&mut self, manifest: &str) -> anyhow::Result<()> {
        match std::mem::replace(&mut self.form, Form::Finished) {
            Form::Folder => {
                let path = self.unfinished.join(MANIFEST);
                let mut file = create(&path)?;
                std::io::Write::write_all(&mut file, manifest.as_bytes())?;
                file.sync_all()?;
                paneld_files::sync_folder_of(&path)?;
            }
            Form::Archive(mut archive) => {
                let mut header = header(manifest.len() as u64);
                archive.append_data(&mut header, MANIFEST, manifest.as_bytes())?;
                archive.into_inner()?.finish()?.sync_all()?;
            }
            Form::Finished => {}
        }
        fs::rename(&self.unfinished, &self.path)?;
        Ok(paneld_files::sync_folder_of(&self.path)?)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = remove(&self.unfinished);
    }
}

fn header(bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(bytes);
    header
}
