//! The other end of the socket.

use std::{io, path::Path};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{
    BackupError, BackupFile,
    message::{Message, NEXT},
};

/// A connection to a server that runs.
#[derive(Debug)]
pub(super) struct Connection {
    lines: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Connection {
    /// Connects; `None` when nobody listens there.
    pub(super) async fn open(path: &Path) -> Result<Option<Self>, BackupError> {
        let stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                    _ => Err(BackupError::file(path)(error)),
                };
            }
        };
        let (read, write) = stream.into_split();
        let lines = BufReader::new(read).lines();
        let mut connection = Self { lines, write };
        match connection.read().await? {
            Message::Paneld(server) if server != env!("CARGO_PKG_VERSION") => {
                Err(BackupError::Version { server })
            }
            _ => Ok(Some(connection)),
        }
    }

    /// The next file.
    pub(super) async fn next(&mut self) -> Result<Option<BackupFile>, BackupError> {
        // A server that gave up has said why, and does not listen any more.
        let _ = self.write.write_all(format!("{NEXT}\n").as_bytes()).await;
        match self.read().await? {
            Message::File(part) => Ok(Some(part)),
            Message::End => Ok(None),
            Message::Refused(why) => Err(BackupError::Refused(why)),
            Message::Paneld(_) => Err(BackupError::Connection(io::ErrorKind::InvalidData.into())),
        }
    }

    async fn read(&mut self) -> Result<Message, BackupError> {
        let line = self.lines.next_line().await;
        let line = line.map_err(BackupError::Connection)?;
        let line =
            line.ok_or_else(|| BackupError::Connection(io::ErrorKind::UnexpectedEof.into()))?;
        serde_json::from_str(&line).map_err(|error| BackupError::Connection(error.into()))
    }
}
