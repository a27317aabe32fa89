//! What goes wrong in the engine, and what its errors mean.

use crate::Cause;

/// What went wrong inside, before it is known who is to be told.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The store cannot go on.
    Store(Cause),
    /// Memory ran out.
    Memory(Cause),
    /// More was found than an answer may have.
    TooLarge,
    /// What was asked, or was to be written, is wrong.
    Data(Cause),
    /// It was ended, for the file is to be compacted, closed or opened anew.
    Ended,
}

impl Fault {
    /// What is behind it.
    pub(crate) fn into_cause(self) -> Cause {
        match self {
            Self::Store(cause) | Self::Memory(cause) | Self::Data(cause) => cause,
            Self::TooLarge => "it is larger than an answer may be".into(),
            Self::Ended => "the file is to be compacted, closed or opened anew".into(),
        }
    }

    /// The database sends something else than it was asked for.
    pub(crate) fn unexpected(expected: &str) -> Self {
        Self::Data(format!("the answer is not {expected}").into())
    }
}

/// How the messages of errors begin that tell of the store, not of the data.
///
/// DuckDB's C interface tells the kind of an error in the message alone.
const OF_STORE: &[&str] = &[
    "IO Error",
    "FATAL Error",
    // A bug in DuckDB; it uses no database further in which it found one.
    "INTERNAL Error",
    "Connection Error",
    "Serialization Error",
    // It could not be committed.
    "TransactionContext Error",
];

/// After a fatal error, DuckDB refuses everything with this.
const INVALIDATED: &str = "database has been invalidated";

/// What DuckDB says when memory ran out, whatever it was at.
const OF_MEMORY: &[&str] = &[
    "Out of Memory Error",
    "failed to pin block",
    "could not allocate block",
];

/// What it says besides when something would have had room on the disk, had that not been full.
const OF_DISK: &str = "failed to offload data block";

impl From<duckdb::Error> for Fault {
    fn from(error: duckdb::Error) -> Self {
        let message = error.to_string();
        let says = |text: &&str| message.contains(*text);
        if says(&INVALIDATED) || says(&OF_DISK) {
            Self::Store(error.into())
        } else if OF_MEMORY.iter().any(says) {
            Self::Memory(error.into())
        } else if OF_STORE.iter().any(|begin| message.starts_with(begin)) {
            Self::Store(error.into())
        } else {
            Self::Data(error.into())
        }
    }
}

impl From<duckdb::arrow::error::ArrowError> for Fault {
    fn from(error: duckdb::arrow::error::ArrowError) -> Self {
        Self::Data(error.into())
    }
}
