//! Events as a table of texts (RFC 4180), with a line of names. Lists and maps are JSON.
//!
//! Spreadsheets take some texts for formulas, and whoever tracks events chooses their texts. So a
//! text that begins with one of `=`, `+`, `-`, `@`, also in full width, with a tab or with a line
//! break is written with an apostrophe before it; and one that begins with an apostrophe too, so
//! that whoever takes the first apostrophe away has the text as it was. Numbers are written as
//! they are.

use std::io::Write as _;

use csv::{Terminator, Writer, WriterBuilder};
use paneld_service::{
    ProfilesBeside,
    arrow::array::{Array, RecordBatch},
};

use super::{cells::Cells, error::EncodeError, layout::RowLayout, packed::Packed};

/// Encodes events as a table of texts.
pub(crate) struct Csv {
    row: RowLayout,
    pub(super) out: Packed,
}

impl Csv {
    pub(super) fn new(row: RowLayout, mut out: Packed) -> Result<Self, EncodeError> {
        let mut header = writer();
        let profile = row.has_profile.then_some("profile");
        header.write_record(row.names.iter().copied().chain(profile))?;
        out.write_all(&header.into_inner().map_err(|error| error.into_error())?)?;
        Ok(Self { row, out })
    }

    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        profiles: &ProfilesBeside,
    ) -> Result<(), EncodeError> {
        let columns = Cells::of_all(batch.columns())?;
        let profiles = self.row.profiles(batch, profiles)?;
        let mut lines = writer();
        let mut cell = Vec::new();
        for row in 0..batch.num_rows() {
            for column in &columns {
                cell.clear();
                match column {
                    Cells::Text(texts) if texts.is_valid(row) => {
                        write_guarded(texts.value(row), &mut cell);
                    }
                    column if column.is_null(row) => {}
                    column => column.write_json(row, &mut cell)?,
                }
                lines.write_field(&cell)?;
            }
            if let Some(profile) = profiles.as_ref().and_then(|profiles| profiles.get(row)) {
                lines.write_field(profile)?;
            }
            lines.write_record(None::<&[u8]>)?;
        }
        let lines = lines.into_inner().map_err(|error| error.into_error())?;
        self.out.write_all(&lines)?;
        Ok(())
    }
}

fn writer() -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new())
}

/// What a formula begins with, also in full width, which spreadsheets of some languages take for
/// the same.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// See the top of this file.
fn write_guarded(text: &str, cell: &mut Vec<u8>) {
    if text.starts_with(FORMULA) || text.starts_with(['\t', '\r', '\n', '\'']) {
        cell.push(b'\'');
    }
    cell.extend_from_slice(text.as_bytes());
}
