//! Backups: copies of the stores that go together, of a server that runs or not; and what is done
//! with them.
//!
//! The files of a running server belong to it. So whoever makes a backup, which is another
//! process, asks the server through a socket in the data folder for one file after the other,
//! and copies each before it asks for the next.

mod connection;
mod contents;
mod error;
mod message;
mod names;
mod restoring;
mod session;
mod socket;
mod source;
mod staging;

pub use contents::{BackupFile, Contents, check_data_dir};
pub use error::BackupError;
pub use names::{CATALOG, EVENTS, SPOOL};
pub use restoring::Restoring;
pub(crate) use socket::BackupSocket;
pub use source::BackupSource;
