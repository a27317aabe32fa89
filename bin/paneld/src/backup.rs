//! `paneld backup`, `paneld restore` and `paneld verify`.

mod form;
mod manifest;
mod target;
mod unpack;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use paneld_domain::Clock;
use paneld_server::backup::{BackupSource, CATALOG, Contents, Restoring, SPOOL, check_data_dir};
use paneld_service::{CatalogUrl, EventsUrl};

use self::{
    manifest::{FORMAT, FileEntry, Manifest},
    target::Target,
    unpack::unpack,
};
use crate::{config::Config, server::builder};

/// What is said of a catalog that is not in the backup.
const IN_POSTGRES: &str = "The catalog is in PostgreSQL and not in this backup: run pg_dump now, \
    after the backup and not before, and keep both together. To restore, restore the database \
    first.";

/// Makes a backup, and tells what is in it. What was written is removed when that fails.
pub(crate) async fn back_up(config: Config, to: &Path) -> anyhow::Result<String> {
    paneld_files::keep_private();
    let clock = Clock::system();
    let (begun, taken_at) = (clock.elapsed(), clock.now());
    let catalog_url = config.catalog.clone();
    let mut target = Target::begin(to)?;
    let mut source = builder(config).back_up().await?;
    let files = copy_all(&mut source, &mut target).await?;
    let has_catalog = files.iter().any(|file| file.name == CATALOG);
    if files.is_empty() {
        bail!("there is nothing to back up: no events are kept, and the catalog is {catalog_url}");
    }
    let manifest = Manifest {
        format: FORMAT,
        paneld: env!("CARGO_PKG_VERSION").to_owned(),
        taken_at,
        catalog_missing: (!has_catalog).then(|| IN_POSTGRES.to_owned()),
        files,
    };
    target.finish(&manifest)?;
    let seconds = (clock.elapsed() - begun).as_secs_f64();
    let mut said = format!("Made {} in {seconds:.1} s:\n", to.display());
    tell(&mut said, &manifest.files);
    if let Some(note) = &manifest.catalog_missing {
        let _ = writeln!(said, "{note}");
    }
    Ok(said)
}

async fn copy_all(
    source: &mut BackupSource,
    target: &mut Target,
) -> anyhow::Result<Vec<FileEntry>> {
    let mut files = Vec::new();
    while let Some(part) = source.next().await? {
        files.push(target.add(part)?);
    }
    Ok(files)
}

/// Restores a backup into the data folder.
pub(crate) fn restore(config: &Config, from: &Path) -> anyhow::Result<String> {
    paneld_files::keep_private();
    demand_in_data_dir(config)?;
    let restoring = Restoring::begin(&config.data_dir)?;
    let manifest = unpack(from, restoring.folder())?;
    let has = |name: &str| manifest.files.iter().any(|file| file.name == name);
    match &config.catalog {
        CatalogUrl::Postgres(_) if has(CATALOG) => bail!(
            "the backup has a catalog of SQLite, and catalog_url is {}: leave catalog_url out",
            config.catalog
        ),
        CatalogUrl::Sqlite(_) if !has(CATALOG) => bail!(
            "the backup has no catalog, for it was in PostgreSQL: restore the database first, and \
             set catalog_url (PANELD_CATALOG_URL)"
        ),
        _ => {}
    }
    if config.events.is_none() && has(SPOOL) {
        bail!("the backup has events, and events_url is off: leave it out");
    }
    let files = manifest.files.iter();
    let files = files.map(|file| (file.name.clone(), file.contents.clone()));
    restoring.finish(&files.collect::<Vec<_>>())?;
    let mut said = format!(
        "Restored the backup of {} to {}:\n",
        manifest.taken_at.to_rfc3339(),
        config.data_dir.display()
    );
    tell(&mut said, &manifest.files);
    said.push_str(
        "What was erased, deleted or revoked after that time is there again: do it once more.\n",
    );
    Ok(said)
}

/// Files are restored to the places that they have without any setting.
fn demand_in_data_dir(config: &Config) -> anyhow::Result<()> {
    let in_data_dir = |name: &str| config.data_dir.join(name);
    if let CatalogUrl::Sqlite(path) = &config.catalog
        && *path != in_data_dir(CATALOG)
    {
        bail!(
            "catalog_url is sqlite:{}, and a backup is restored into the data folder: leave \
             catalog_url out, and move the file afterwards",
            path.display()
        );
    }
    if let Some(EventsUrl::DuckDb(path)) = &config.events
        && *path != in_data_dir(paneld_server::backup::EVENTS)
    {
        bail!(
            "events_url is duckdb:{}, and a backup is restored into the data folder: leave \
             events_url out, and move the file afterwards",
            path.display()
        );
    }
    Ok(())
}

/// Checks a backup, or the data folder.
pub(crate) fn verify(config: Config, backup: Option<&Path>) -> anyhow::Result<String> {
    paneld_files::keep_private();
    let mut said = String::new();
    match backup {
        Some(from) => {
            let scratch = Scratch::beside(from)?;
            let manifest = unpack(from, &scratch.0)?;
            let taken_at = manifest.taken_at.to_rfc3339();
            let _ = writeln!(
                said,
                "{} is good, a backup of {taken_at} by paneld {}:",
                from.display(),
                manifest.paneld
            );
            tell(&mut said, &manifest.files);
            if let Some(note) = &manifest.catalog_missing {
                let _ = writeln!(said, "{note}");
            }
        }
        None => {
            let data_dir = config.data_dir.display().to_string();
            let checked = check_data_dir(&builder(config)).context(
                "the data folder cannot be checked; while a server runs, check a backup of it",
            );
            let _ = writeln!(said, "{data_dir} is good:");
            for (path, contents) in checked? {
                let name = path.file_name().unwrap_or(path.as_os_str());
                tell_file(&mut said, &name.to_string_lossy(), &contents);
            }
        }
    }
    Ok(said)
}

/// A folder beside a backup in which it is unpacked to be checked, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(backup: &Path) -> anyhow::Result<Self> {
        let scratch = Self(form::beside(backup, ".verify"));
        form::remove(&scratch.0)?;
        paneld_files::make_folder(&scratch.0)
            .with_context(|| format!("cannot make {}", scratch.0.display()))?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = form::remove(&self.0);
    }
}

fn tell(said: &mut String, files: &[FileEntry]) {
    for file in files {
        tell_file(said, &file.name, &file.contents);
    }
}

fn tell_file(said: &mut String, name: &str, contents: &Contents) {
    let rows = contents.rows.values().sum::<u64>();
    let _ = write!(said, "  {name}: {rows} rows, schema {}", contents.schema);
    if let Some(position) = contents.position {
        let _ = write!(said, ", position {position}");
    }
    said.push('\n');
}
