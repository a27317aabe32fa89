//! The server's end of the socket.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use paneld_domain::ErrorChain;
use paneld_service::Repository;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};

use super::{
    BackupError, BackupFile,
    message::{Message, NEXT, socket_path},
    session::{MOST_TIME, Session, Stores},
    staging,
};
use crate::events::Events;

/// How often it is looked whether the server can go on without what is held still.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket in the data folder, which only the owner may use. It is removed when this is
/// dropped, and backups end.
#[derive(Debug)]
pub(crate) struct BackupSocket {
    path: PathBuf,
    serving: JoinHandle<()>,
}

impl BackupSocket {
    /// Makes it, in the place of one that a killed server left; `None`, with a warning, where that
    /// is not possible: a server works without.
    pub(crate) fn open(
        data_dir: &Path,
        repository: &Repository,
        events: Option<&Events>,
    ) -> Option<Self> {
        staging::remove_leftover(data_dir);
        let path = socket_path(data_dir);
        let listener = match listen(&path) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(
                    path = %path.display(),
                    error = %ErrorChain(&error),
                    "there is no socket for paneld backup, which works only while the server is \
                     stopped: the path may be too long"
                );
                return None;
            }
        };
        let stores = Stores {
            data_dir: data_dir.to_owned(),
            repository: repository.clone(),
            pipeline: events.map(|events| events.pipeline().clone()),
            turn: Arc::default(),
        };
        let serving = tokio::spawn(serve(listener, Arc::new(stores)));
        Some(Self { path, serving })
    }
}

impl Drop for BackupSocket {
    fn drop(&mut self) {
        self.serving.abort();
        let _ = fs::remove_file(&self.path);
    }
}

/// It gets its name once only the owner may use it.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("new");
    paneld_files::remove(&new)?;
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

async fn serve(listener: UnixListener, stores: Arc<Stores>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(answer(stream, Arc::clone(&stores)));
            }
            // For want of descriptors, say.
            Err(_) => sleep(PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Makes a backup for whoever is at the other end; when that goes away, everything goes on as
/// before.
async fn answer(stream: UnixStream, stores: Arc<Stores>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut session = None;
    let mut message = Message::Paneld(env!("CARGO_PKG_VERSION").to_owned());
    while say(&mut write, &message).await.is_ok() {
        if !matches!(message, Message::Paneld(_) | Message::File(_)) {
            return;
        }
        let next = match wait(&mut lines, session.as_ref()).await {
            Ok(true) => next(&stores, &mut session).await,
            Ok(false) => {
                if session.is_some() {
                    tracing::warn!("a backup was broken off");
                }
                return;
            }
            Err(error) => Err(error),
        };
        message = match next {
            Ok(Some(part)) => Message::File(part),
            Ok(None) => {
                tracing::info!("a backup was made");
                Message::End
            }
            Err(error) => {
                let error = ErrorChain(&error).to_string();
                tracing::warn!(error, "a backup could not be made");
                Message::Refused(error)
            }
        };
        if !matches!(message, Message::File(_)) {
            // Before whoever asked can ask again.
            session = None;
        }
    }
}

async fn say(to: &mut OwnedWriteHalf, message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line).await
}

/// Waits until the next file is asked for; tells whether it was, or the other end is gone.
async fn wait(
    lines: &mut Lines<BufReader<OwnedReadHalf>>,
    session: Option<&Session>,
) -> Result<bool, BackupError> {
    let since = Instant::now();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                return Ok(line.is_ok_and(|line| line.as_deref() == Some(NEXT)));
            }
            () = sleep(LOOK) => {}
        }
        session.map_or(Ok(()), Session::demand_ease)?;
        if since.elapsed() >= MOST_TIME {
            let minutes = MOST_TIME.as_secs() / 60;
            return Err(BackupError::TooSlow { minutes });
        }
    }
}

async fn next(
    stores: &Arc<Stores>,
    session: &mut Option<Session>,
) -> Result<Option<BackupFile>, BackupError> {
    if session.is_none() {
        *session = Some(Session::begin(stores)?);
    }
    match session {
        Some(session) => session.next().await,
        None => Ok(None),
    }
}
