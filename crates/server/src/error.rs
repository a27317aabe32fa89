//! Why a server does not start, or does not go on.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::tls::TlsError;
use paneld_guard::GuardError;
use paneld_service::{Beside, RegistrationError, ServiceError};

/// A cause, whatever its type: what stores are made of is nobody's business but theirs.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is not one that a server can work with.
    #[error("{setting} {why}")]
    Setting {
        /// The method of [`Builder`](crate::Builder) that was given it.
        setting: &'static str,
        /// What it must be.
        why: &'static str,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The catalog cannot be opened, or its tables cannot be brought up to date.
    #[error("cannot open the catalog")]
    Catalog(#[source] Cause),
    /// The catalog does not tell the salts by which devices are told apart.
    #[error("cannot read the salts of device ids")]
    Salts(#[source] ServiceError),
    /// The spool, or the file that knows where addresses are, cannot be opened.
    #[error("cannot take what is tracked")]
    Spool(#[source] Cause),
    /// Another server with events is at work on the catalog, or that cannot be found out.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// Something is missing to authenticate callers.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The files of the certificate and its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The first credentials cannot be made.
    #[error(transparent)]
    FirstCredentials(#[from] FirstCredentialsError),
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// It is not there, and cannot be made.
    #[error("cannot make the data folder {}", .path.display())]
    Make {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Who can put a file in the place of another can take over the server.
    #[error(
        "every user of this machine may write to the data folder {}: close it to them with \
         chmod o-w",
        .0.display()
    )]
    OpenToAll(PathBuf),
    /// Others may look into it, and would find what events tell of people.
    #[error(
        "others may look into the data folder {}: close it with chmod 700, or give a folder that \
         is not there yet",
        .0.display()
    )]
    OpenToReaders(PathBuf),
    /// The lock of the data folder cannot be taken.
    #[error("cannot lock {}", .path.display())]
    Lock {
        /// The file of the lock.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another server has it, in this process or another.
    #[error(
        "another paneld process is using the data folder {}: stop it, or give this one another \
         folder with --data-dir",
        .0.display()
    )]
    InUse(PathBuf),
    /// A restore was interrupted.
    #[error(
        "a restore into the data folder {} was interrupted: restore again; if that is refused \
         with these words, remove what is in the folder before",
        .0.display()
    )]
    HalfRestored(PathBuf),
}

/// Why the first credentials could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirstCredentialsError {
    /// The catalog cannot be asked, or written.
    #[error(transparent)]
    Catalog(#[from] ServiceError),
    /// Their file cannot be closed to others, written or removed.
    #[error("cannot keep the first credentials in {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot print the first credentials")]
    Print(#[source] io::Error),
}

impl FirstCredentialsError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// Why a running server cannot go on, and is to be stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotGoOn {
    /// Another server took its place in the catalog.
    #[error(transparent)]
    Replaced(#[from] Beside),
    /// It does not serve its port any more.
    #[error("it stopped serving")]
    NotServing(#[source] Option<io::Error>),
}
