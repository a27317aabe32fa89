//! Unpacking a backup, and checking all of it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use anyhow::{Context as _, bail};
use paneld_server::backup::{CATALOG, Contents, EVENTS, SPOOL};
use zstd::stream::read::Decoder;

use super::{
    form::{Summed, create},
    manifest::{FORMAT, MANIFEST, Manifest},
};

/// How long a manifest may be.
const LONGEST_MANIFEST: u64 = 1024 * 1024;

/// How many bytes files have, and their checksums, by their names.
type Sums = BTreeMap<String, (u64, String)>;

/// Unpacks a backup into a folder, and checks it: checksums, versions, that each store can be
/// opened, and that each table has as many rows as it had.
pub(super) fn unpack(from: &Path, into: &Path) -> anyhow::Result<Manifest> {
    let shown = from.display();
    let (manifest, sums) = match from.is_dir() {
        true => copy_folder(from, into),
        false => unpack_archive(from, into),
    }
    .with_context(|| format!("{shown} is no good backup"))?;
    check(&manifest, &sums, into).with_context(|| format!("{shown} is no good backup"))?;
    Ok(manifest)
}

fn copy_folder(from: &Path, into: &Path) -> anyhow::Result<(Manifest, Sums)> {
    let open =
        |name: &str| File::open(from.join(name)).with_context(|| format!("it has no {name}"));
    let manifest = read_manifest(open(MANIFEST)?)?;
    let mut sums = Sums::new();
    for file in &manifest.files {
        demand_known(&file.name)?;
        copy(&file.name, open(&file.name)?, into, &mut sums)?;
    }
    Ok((manifest, sums))
}

fn unpack_archive(from: &Path, into: &Path) -> anyhow::Result<(Manifest, Sums)> {
    let file = File::open(from).context("it cannot be read")?;
    let mut archive = tar::Archive::new(Decoder::new(file)?);
    let mut manifest = None;
    let mut sums = Sums::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if name == MANIFEST {
            manifest = Some(read_manifest(entry)?);
        } else {
            demand_known(&name)?;
            copy(&name, entry, into, &mut sums)?;
        }
    }
    // The checksum of all of it is at the end.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok((manifest.context("it has no manifest.json")?, sums))
}

/// Nothing else is written, wherever its name may lead.
fn demand_known(name: &str) -> anyhow::Result<()> {
    match name {
        EVENTS | SPOOL | CATALOG => Ok(()),
        _ => bail!("it has a file {name:?}, which belongs to no backup"),
    }
}

fn copy(name: &str, from: impl Read, into: &Path, sums: &mut Sums) -> anyhow::Result<()> {
    let path = into.join(name);
    let mut summed = Summed::new(BufReader::new(from));
    let mut copy = create(&path)?;
    let copied = summed.copy_to(&mut copy);
    copied.with_context(|| format!("cannot copy {name} to {}", path.display()))?;
    sums.insert(name.to_owned(), summed.sum());
    Ok(())
}

fn read_manifest(from: impl Read) -> anyhow::Result<Manifest> {
    let mut text = String::new();
    from.take(LONGEST_MANIFEST).read_to_string(&mut text)?;
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
        paneld: String,
    }
    let version = serde_json::from_str::<Version>(&text).context(MANIFEST)?;
    if version.format != FORMAT {
        bail!(
            "it is of format {}, and this paneld knows {FORMAT} only: use paneld {}",
            version.format,
            version.paneld
        );
    }
    serde_json::from_str(&text).context(MANIFEST)
}

fn check(manifest: &Manifest, sums: &Sums, folder: &Path) -> anyhow::Result<()> {
    if manifest.files.len() != sums.len() {
        bail!("it has other files than {MANIFEST} says");
    }
    for file in &manifest.files {
        let name = &file.name;
        match sums.get(name) {
            None => bail!("{name} is missing"),
            Some((bytes, sha256)) if *bytes != file.bytes || *sha256 != file.sha256 => bail!(
                "{name} was changed: it has {bytes} bytes and the SHA-256 {sha256}, and not {} \
                 and {}",
                file.bytes,
                file.sha256
            ),
            Some(_) => {}
        }
    }
    for file in &manifest.files {
        let contents = Contents::of_file(&file.name, &folder.join(&file.name))?;
        if contents != file.contents {
            bail!("{} has other contents than {MANIFEST} says", file.name);
        }
    }
    Ok(())
}
