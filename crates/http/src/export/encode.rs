//! From columns to what callers read.

mod cells;
mod csv;
mod ndjson;
mod packed;
mod parquet;

use std::io;

use actix_web::http::header::ContentEncoding;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use paneld_service::ProfilesBeside;

use self::{cells::Cells, csv::Csv, ndjson::Ndjson, packed::Packed, parquet::Parquet};
use super::{format::Format, row};

/// Why events could not be encoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
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

/// What rows are like.
#[derive(Debug)]
pub(super) struct Row {
    /// The names of the columns, as callers know them.
    pub(super) names: Vec<&'static str>,
    /// The project of the events.
    pub(super) project: String,
    /// Whether the profile comes last.
    pub(super) has_profile: bool,
}

impl Row {
    /// The profiles of the events of a batch as JSON, if they are wanted: those that are known,
    /// by the id that stands in events.
    fn profiles(
        &self,
        batch: &RecordBatch,
        known: &ProfilesBeside,
    ) -> Result<Option<Vec<String>>, EncodeError> {
        if !self.has_profile {
            return Ok(None);
        }
        let place = self.names.iter().position(|name| *name == "profileId");
        let place = place.unwrap_or_default();
        let ids = batch.columns().get(place);
        let ids = ids.and_then(|ids| ids.as_any().downcast_ref::<StringArray>());
        let ids = ids.ok_or(EncodeError::Column(place))?.iter();
        let profiles = ids.map(|id| {
            let id = id.unwrap_or_default();
            row::profile(id, known.get(id), &self.project).to_string()
        });
        Ok(Some(profiles.collect()))
    }
}

/// How many of the first events of a batch have no more bytes than `most`; one at least, if there
/// is one. Where columns are not of texts, as those of a file of columns, a cell counts little.
pub(super) fn rows_within(batch: &RecordBatch, most: usize) -> usize {
    let columns = batch.columns().iter().map(Cells::of).collect::<Vec<_>>();
    let bytes_of = |row| {
        let cells = columns.iter().flatten();
        cells.map(|cells| cells.bytes(row)).sum::<usize>()
    };
    let mut bytes = 0;
    let fits = |row: &usize| {
        bytes += bytes_of(*row);
        *row == 0 || bytes <= most
    };
    (0..batch.num_rows()).take_while(fits).count()
}

/// Encodes events, batch by batch.
pub(super) enum Encoder {
    Ndjson(Ndjson),
    Csv(Csv),
    Parquet(Box<Parquet>),
}

impl Encoder {
    pub(super) fn new(
        format: Format,
        packing: Option<ContentEncoding>,
        row: Row,
    ) -> Result<Self, EncodeError> {
        Ok(match format {
            Format::Page | Format::Ndjson => Self::Ndjson(Ndjson::new(row, Packed::new(packing)?)),
            Format::Csv => Self::Csv(Csv::new(row, Packed::new(packing)?)?),
            Format::Parquet => Self::Parquet(Box::new(Parquet::new(row))),
        })
    }

    /// Encodes a batch.
    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        profiles: &ProfilesBeside,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Ndjson(encoder) => encoder.write(batch, profiles),
            Self::Csv(encoder) => encoder.write(batch, profiles),
            Self::Parquet(encoder) => encoder.write(batch, profiles),
        }
    }

    /// The bytes that are ready.
    pub(super) fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Ndjson(encoder) => encoder.out.take(),
            Self::Csv(encoder) => encoder.out.take(),
            Self::Parquet(encoder) => encoder.take(),
        }
    }

    /// The last bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Ndjson(encoder) => Ok(encoder.out.finish()?),
            Self::Csv(encoder) => Ok(encoder.out.finish()?),
            Self::Parquet(encoder) => encoder.finish(),
        }
    }
}
