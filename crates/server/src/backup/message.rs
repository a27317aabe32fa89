//! What is said through the socket: the server says who it is, the other end asks with a line for
//! one file after the other, and is told in a line of JSON.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::BackupFile;

/// How the next file is asked for.
pub(super) const NEXT: &str = "next";

/// A line of the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Message {
    /// The first line: the version of the server.
    Paneld(String),
    /// The next file, which its reader is to copy.
    #[serde(rename = "part")]
    File(BackupFile),
    /// There are no more, and all that were told are good.
    End,
    Refused(String),
}

/// Where the socket is.
pub(super) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("paneld.sock")
}
