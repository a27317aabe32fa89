//! From columns to what callers read.

mod cells;
mod csv;
mod error;
mod layout;
mod ndjson;
mod packed;
mod parquet;

use actix_web::http::header::ContentEncoding;
use paneld_service::{ProfilesBeside, arrow::array::RecordBatch};

pub(super) use self::layout::RowLayout;
use self::{
    cells::Cells, csv::Csv, error::EncodeError, ndjson::Ndjson, packed::Packed, parquet::Parquet,
};
use super::format::Format;

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
        row: RowLayout,
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
