//! What can go wrong on the way from columns to bytes.

use std::io;

use paneld_service::arrow::error::ArrowError;

/// Why events could not be encoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// They are not of the types that they should be.
    #[error("the column {0} cannot be read")]
    Column(usize),
    /// There is no room, or a compressor failed.
    #[error("bytes could not be written")]
    Bytes(#[from] io::Error),
    /// A text could not be written.
    #[error("a table could not be written")]
    Csv(#[from] ::csv::Error),
    /// A value could not be written.
    #[error("JSON could not be written")]
    Json(#[from] serde_json::Error),
    /// A file could not be written.
    #[error("a file could not be written")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// Columns do not go together.
    #[error("columns do not go together")]
    Arrow(#[from] ArrowError),
}
