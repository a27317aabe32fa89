//! What writes: how far its spool is written, and what it must know to write each row once.

use std::{io, path::PathBuf};

use clickhouse::Client;
use tokio::task::spawn_blocking;

use super::{fault::Fault, insert, journal::Progress, sql::Sql};

/// What writes. There is one at a time.
pub(crate) struct Writer {
    pub(super) client: Client,
    /// From which everything comes, and behind it those that it was restored from.
    pub(super) spools: Vec<String>,
    pub(super) journal: PathBuf,
    pub(super) progress: Progress,
    /// The version of the rows that are written next: higher than that of all before.
    pub(super) next_version: u64,
    /// Up to which position something may have been sent already.
    pub(super) sent_until: u64,
}

impl Writer {
    /// Reads what there is of a spool: the first of these, which goes on with the positions of the
    /// others.
    pub(super) async fn open(
        client: Client,
        spools: Vec<String>,
        journal: PathBuf,
    ) -> Result<Self, Fault> {
        let spool = spools.first().cloned().unwrap_or_default();
        let path = journal.clone();
        let progress = on_disk(move || Progress::read(&path, &spool)).await?;
        // What a former start sent may still be on its way.
        insert::end_all(&client, &spools).await?;
        let version = Sql::new(
            "SELECT max(version) FROM (SELECT version FROM sessions
                UNION ALL SELECT version FROM profiles UNION ALL SELECT version FROM groups)",
        );
        Ok(Self {
            next_version: version.fetch_one::<u64>(&client).await? + 1,
            sent_until: insert::last_position(&client, &spools).await?,
            client,
            spools,
            journal,
            progress,
        })
    }

    /// Notes something in the journal, on the disk and here, or not at all.
    pub(super) async fn note(&mut self, change: impl FnOnce(&mut Progress)) -> Result<(), Fault> {
        let mut progress = self.progress.clone();
        change(&mut progress);
        if progress != self.progress {
            let (journal, written) = (self.journal.clone(), progress.clone());
            on_disk(move || written.save(&journal)).await?;
            self.progress = progress;
        }
        Ok(())
    }

    /// The number of a version that counts more than all before.
    pub(super) fn version(&mut self) -> u64 {
        self.next_version += 1;
        self.next_version - 1
    }
}

/// Does something with the disk, beside the event loop.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let done = spawn_blocking(work).await;
    let done = done.map_err(|error| Fault::Away(error.into()))?;
    done.map_err(|error| Fault::Away(error.into()))
}
