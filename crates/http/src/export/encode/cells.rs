//! The cells of a column, as JSON and as texts.

use std::ops::Range;

use paneld_service::arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, ListArray, MapArray, StringArray, UInt64Array,
};

use super::{super::exported_event::degrees, error::EncodeError};

/// A column.
pub(super) enum Cells<'a> {
    Text(&'a StringArray),
    Whole(&'a UInt64Array),
    Degrees(&'a Float32Array),
    Texts(&'a ListArray, &'a StringArray),
    Pairs(&'a MapArray, &'a StringArray, &'a StringArray),
}

impl<'a> Cells<'a> {
    /// All columns.
    pub(super) fn of_all(columns: &'a [ArrayRef]) -> Result<Vec<Self>, EncodeError> {
        let columns = columns.iter().enumerate();
        columns
            .map(|(place, column)| Self::of(column).ok_or(EncodeError::Column(place)))
            .collect()
    }

    pub(super) fn of(column: &'a ArrayRef) -> Option<Self> {
        if let Some(texts) = column.as_string_opt::<i32>() {
            return Some(Self::Text(texts));
        }
        if let Some(numbers) = column.as_any().downcast_ref() {
            return Some(Self::Whole(numbers));
        }
        if let Some(numbers) = column.as_any().downcast_ref() {
            return Some(Self::Degrees(numbers));
        }
        if let Some(lists) = column.as_list_opt::<i32>() {
            return Some(Self::Texts(lists, lists.values().as_string_opt::<i32>()?));
        }
        let maps = column.as_map_opt()?;
        let keys = maps.keys().as_string_opt::<i32>()?;
        Some(Self::Pairs(
            maps,
            keys,
            maps.values().as_string_opt::<i32>()?,
        ))
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Text(column) => column.is_null(row),
            Self::Whole(column) => column.is_null(row),
            Self::Degrees(column) => column.is_null(row),
            Self::Texts(column, _) => column.is_null(row),
            Self::Pairs(column, ..) => column.is_null(row),
        }
    }

    /// About how many bytes a cell has.
    pub(super) fn bytes(&self, row: usize) -> usize {
        const NUMBER: usize = 8;
        match self {
            Self::Text(column) => length(column, row..row + 1),
            Self::Whole(_) | Self::Degrees(_) => NUMBER,
            Self::Texts(column, texts) => length(texts, range(column.value_offsets(), row)),
            Self::Pairs(column, keys, values) => {
                let entries = range(column.value_offsets(), row);
                length(keys, entries.clone()) + length(values, entries)
            }
        }
    }

    /// Writes a cell as JSON.
    pub(super) fn write_json(&self, row: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match self {
            Self::Text(column) => serde_json::to_writer(out, column.value(row))?,
            Self::Whole(column) => serde_json::to_writer(out, &column.value(row))?,
            Self::Degrees(column) => serde_json::to_writer(out, &degrees(column.value(row)))?,
            Self::Texts(column, texts) => {
                out.push(b'[');
                let range = range(column.value_offsets(), row);
                for (place, entry) in range.enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    serde_json::to_writer(&mut *out, texts.value(entry))?;
                }
                out.push(b']');
            }
            Self::Pairs(column, keys, values) => {
                out.push(b'{');
                let range = range(column.value_offsets(), row);
                for (place, entry) in range.enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    serde_json::to_writer(&mut *out, keys.value(entry))?;
                    out.push(b':');
                    serde_json::to_writer(&mut *out, values.value(entry))?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }
}

/// How many bytes some texts have together.
fn length(texts: &StringArray, of: Range<usize>) -> usize {
    range_of(texts.value_offsets(), of).len()
}

fn range(offsets: &[i32], row: usize) -> Range<usize> {
    range_of(offsets, row..row + 1)
}

fn range_of(offsets: &[i32], rows: Range<usize>) -> Range<usize> {
    let place = |row: usize| {
        let offset = offsets.get(row).copied().unwrap_or_default();
        usize::try_from(offset).unwrap_or_default()
    };
    place(rows.start)..place(rows.end)
}
