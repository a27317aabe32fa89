//! Rows with what has no room in them.

use std::collections::HashMap;

use duckdb::{
    Connection,
    arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray},
    arrow::datatypes::UInt16Type,
};
use paneld_domain::{Event, ProjectKey};

use super::Owner;
use crate::{
    duckdb::{
        decode::{self, Stored},
        fault::Fault,
        sql::{Sql, of_project},
    },
    wide::{MOST_BYTES, Wide},
};

impl<T: Owner> Stored<T> {
    /// The bytes of all properties and groups of somebody whose row tells those of its overflow.
    pub(crate) fn whole_bytes(&self) -> usize {
        let properties = self.row.properties().iter();
        let properties = properties.map(|(name, value)| name.len() + value.len());
        let bytes = properties.sum::<usize>() + self.row.groups().map(str::len).sum::<usize>();
        bytes.saturating_add(self.overflow as usize)
    }
}

impl<T: Wide> Wide for Stored<T> {
    fn bytes(&self) -> usize {
        self.row.bytes()
    }
}

/// The events of an answer that is told as it is, with all that they have. The connection is in a
/// transaction.
pub(crate) fn events(
    connection: &Connection,
    project: ProjectKey,
    rows: &Sql,
) -> Result<Vec<Event>, Fault> {
    let rows = rows.query_rows(connection, decode::event)?;
    let bytes = rows.iter().map(Wide::bytes).sum::<usize>();
    complete(connection, project, rows, MOST_BYTES.saturating_sub(bytes))
}

/// The rows with all that they have, as long as that has no more bytes than `most`. The connection
/// is in the transaction in which they were read.
pub(crate) fn complete<T: Owner>(
    connection: &Connection,
    project: ProjectKey,
    rows: Vec<Stored<T>>,
    most: usize,
) -> Result<Vec<T>, Fault> {
    let wide = rows.iter().enumerate().filter(|(_, row)| row.overflow != 0);
    let wide = wide.map(|(place, stored)| (stored.row.key(stored.overflow), place));
    let places = wide.collect::<HashMap<_, _>>();
    let mut rows = rows
        .into_iter()
        .map(|stored| stored.row)
        .collect::<Vec<_>>();
    if places.is_empty() {
        return Ok(rows);
    }
    let mut parts = find::<T>(connection, project, &places, most)?;
    // Groups are in an order, and the pieces of a value.
    parts.sort_unstable_by_key(|part| part.number);
    for part in parts {
        let Some(row) = places.get(&part.key).and_then(|place| rows.get_mut(*place)) else {
            continue;
        };
        for (name, value) in part.properties {
            row.properties_mut()
                .entry(name)
                .or_default()
                .push_str(&value);
        }
        for group in part.groups {
            row.add_group(group);
        }
    }
    Ok(rows)
}

/// A row of a table of overflow as it was read.
struct Read {
    key: String,
    number: u16,
    properties: Vec<(String, String)>,
    groups: Vec<String>,
}

impl Read {
    fn bytes(&self) -> usize {
        let properties = self.properties.iter();
        let properties = properties.map(|(name, value)| name.len() + value.len());
        properties.sum::<usize>() + self.groups.iter().map(String::len).sum::<usize>()
    }
}

fn find<T: Owner>(
    connection: &Connection,
    project: ProjectKey,
    places: &HashMap<String, usize>,
    most: usize,
) -> Result<Vec<Read>, Fault> {
    let [key, key_type] = T::KEY;
    let keys = places
        .keys()
        .map(|key| Sql::text(key).push("::").push(key_type));
    let rows = Sql::new(&format!(
        "SELECT o.{key}::VARCHAR, o.part, o.properties, o.groups FROM {} o WHERE ",
        T::TABLE
    ))
    .add(of_project("o", project))
    .push(&format!(" AND o.{key} IN ("))
    .add(Sql::join(keys, ", "))
    .push(")");
    let (mut parts, mut bytes) = (Vec::new(), 0);
    rows.stream_while(connection, |batch| {
        for part in read(&batch).ok_or_else(|| Fault::unexpected("rows of overflow"))? {
            bytes += part.bytes();
            parts.push(part);
        }
        Ok(bytes <= most)
    })?;
    if bytes > most {
        return Err(Fault::TooLarge);
    }
    Ok(parts)
}

fn read(batch: &RecordBatch) -> Option<Vec<Read>> {
    let [keys, numbers, properties, groups] = batch.columns() else {
        return None;
    };
    let keys = keys.as_string_opt::<i32>()?;
    let numbers = numbers.as_primitive_opt::<UInt16Type>()?;
    let properties = properties.as_map_opt()?;
    let groups = groups.as_list_opt::<i32>()?;
    let rows = (0..batch.num_rows()).map(|row| {
        let pairs = properties.value(row);
        let (names, values) = (pairs.column(0), pairs.column(1));
        Some(Read {
            key: keys.value(row).to_owned(),
            number: numbers.value(row),
            properties: texts(names.as_string_opt()?)
                .zip(texts(values.as_string_opt()?))
                .collect(),
            groups: texts(groups.value(row).as_string_opt()?).collect(),
        })
    });
    rows.collect()
}

fn texts(array: &StringArray) -> impl Iterator<Item = String> + '_ {
    (0..array.len()).map(|place| array.value(place).to_owned())
}
