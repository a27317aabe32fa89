//! Why the spool's file did not do as it was told.

/// What can go wrong with the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Store(#[from] redb::Error),
    #[error("a record cannot be read or written")]
    Code(#[from] postcard::Error),
    /// So many bytes of records that stand behind one another are none.
    #[error("the last {0} bytes of a row of records are no record")]
    NoRecord(usize),
    #[error("it was written by a newer version of paneld")]
    NewerFormat,
    #[error(
        "it was written by a version of paneld from before the first release: start that version \
         once more, and stop it when nothing waits to be applied any more"
    )]
    OlderFormat,
    #[error("it is damaged: the checksums of its pages are wrong")]
    Damaged,
    #[error("it is empty")]
    Empty,
    #[error("the file is not open")]
    NotOpen,
    #[error("it could not be written a moment ago, and is looked after")]
    NotWritable,
    #[error(transparent)]
    File(#[from] std::io::Error),
    #[error("the table {0} would be lost when the file is written anew")]
    NotCopied(String),
}

/// The store has an error type for each of its operations; here they are one.
macro_rules! store_errors {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Store(error.into())
            }
        })*
    };
}
store_errors!(
    TransactionError,
    TableError,
    StorageError,
    CommitError,
    DatabaseError
);
