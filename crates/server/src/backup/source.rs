//! Where a backup comes from: a server that runs, or the files of one that does not.

use std::sync::Arc;

use paneld_service::{Pipeline, Repository};

use super::{
    BackupError, BackupFile,
    connection::Connection,
    message::socket_path,
    session::{Session, Stores},
};
use crate::{Builder, DataDirError, StartError, data_dir::Lock, events};

/// The files of a backup, one after the other.
#[derive(Debug)]
pub struct BackupSource(From);

#[derive(Debug)]
enum From {
    Running(Connection),
    Stopped(Box<Stopped>),
}

#[derive(Debug)]
struct Stopped {
    session: Session,
    pipeline: Option<Pipeline>,
    _lock: Lock,
}

impl Builder {
    /// Begins a backup: of the server that runs in the data folder, or of the files there when
    /// none does.
    ///
    /// # Errors
    /// When there is nothing, when a server runs and does not answer, or when the stores cannot be
    /// opened.
    pub async fn back_up(self) -> Result<BackupSource, BackupError> {
        if !self.data_dir.is_dir() {
            return Err(BackupError::Nothing(self.data_dir));
        }
        let socket = socket_path(&self.data_dir);
        if let Some(connection) = Connection::open(&socket).await? {
            return Ok(BackupSource(From::Running(connection)));
        }
        let lock = match Lock::take(&self.data_dir) {
            Err(DataDirError::InUse(_)) => return Err(BackupError::NoAnswer(socket)),
            lock => lock?,
        };
        let repository = Repository::open_present(&self.catalog_url()).await;
        let repository = repository.map_err(|error| StartError::Catalog(error.into()))?;
        // It would be made where there is none.
        let pipeline = match self.spool().exists() {
            true => events::open(&self, &repository).await?,
            false => None,
        };
        let stores = Arc::new(Stores {
            data_dir: self.data_dir,
            repository,
            pipeline: pipeline.clone(),
            turn: Arc::default(),
        });
        Ok(BackupSource(From::Stopped(Box::new(Stopped {
            session: Session::begin(&stores)?,
            pipeline,
            _lock: lock,
        }))))
    }
}

impl BackupSource {
    /// The next file, to be copied before the one after it is asked for; `None` when there are no
    /// more, and all that were told are good.
    ///
    /// # Errors
    /// When the backup had to be given up.
    pub async fn next(&mut self) -> Result<Option<BackupFile>, BackupError> {
        match &mut self.0 {
            From::Running(connection) => connection.next().await,
            From::Stopped(stopped) => {
                let part = stopped.session.next().await?;
                if let (None, Some(pipeline)) = (&part, &stopped.pipeline) {
                    pipeline.store.close().await;
                }
                Ok(part)
            }
        }
    }
}
