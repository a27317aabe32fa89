//! Events as lines of JSON: each line is what a page has in `data`.

use std::io::Write as _;

use paneld_service::{ProfilesBeside, arrow::array::RecordBatch};

use super::{cells::Cells, error::EncodeError, layout::RowLayout, packed::Packed};

/// Left out where it is not known; everything else is null then.
const MAY_BE_ABSENT: &str = "importedAt";

/// Encodes events as lines of JSON.
pub(crate) struct Ndjson {
    row: RowLayout,
    /// What stands before each value: `,"name":`.
    before: Vec<String>,
    /// What stands at the end of each line but for the profile.
    end: &'static str,
    pub(super) out: Packed,
}

impl Ndjson {
    pub(super) fn new(row: RowLayout, out: Packed) -> Self {
        let before = row.names.iter().enumerate();
        let before = before.map(|(place, name)| {
            let begin = if place == 0 { "{" } else { "," };
            format!("{begin}\"{name}\":")
        });
        Self {
            before: before.collect(),
            end: if row.names.contains(&"groups") {
                ""
            } else {
                ",\"groups\":[]"
            },
            row,
            out,
        }
    }

    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        profiles: &ProfilesBeside,
    ) -> Result<(), EncodeError> {
        let columns = Cells::of_all(batch.columns())?;
        let profiles = self.row.profiles(batch, profiles)?;
        let mut lines = Vec::with_capacity(batch.num_rows() * 512);
        for row in 0..batch.num_rows() {
            for (place, column) in columns.iter().enumerate() {
                if column.is_null(row) && self.row.names.get(place) == Some(&MAY_BE_ABSENT) {
                    continue;
                }
                let before = self.before.get(place).ok_or(EncodeError::Column(place))?;
                lines.extend_from_slice(before.as_bytes());
                column.write_json(row, &mut lines)?;
            }
            lines.extend_from_slice(self.end.as_bytes());
            if let Some(profile) = profiles.as_ref().and_then(|profiles| profiles.get(row)) {
                lines.extend_from_slice(b",\"profile\":");
                lines.extend_from_slice(profile.as_bytes());
            }
            lines.extend_from_slice(b"}\n");
        }
        self.out.write_all(&lines)?;
        Ok(())
    }
}
