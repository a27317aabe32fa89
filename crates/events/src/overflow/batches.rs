//! Events in columns with what has no room in their rows.

use std::{collections::HashMap, ops::Range, sync::Arc};

use duckdb::arrow::{
    array::{Array, ArrayRef, AsArray as _, ListArray, MapArray, RecordBatch, UInt64Array},
    buffer::OffsetBuffer,
    compute::interleave,
    datatypes::{DataType, UInt16Type, UInt64Type},
};

use crate::error::Fault;

/// The columns of `event_overflow` from which [`complete`] takes what it adds: to whose rows it
/// belongs, in which order, and what it is.
pub(crate) const COLUMNS: &str = "o.number, o.part, o.properties, o.groups";
const PROPERTIES: usize = 2;
const GROUPS: usize = 3;

/// Where columns are among those of events.
pub(crate) struct Places {
    pub(crate) properties: Option<usize>,
    pub(crate) groups: Option<usize>,
    pub(crate) overflow: usize,
}

/// Whether there is any event with overflow among these.
pub(crate) fn are_wide(events: &[RecordBatch], places: &Places) -> bool {
    let mut numbers = events
        .iter()
        .filter_map(|batch| numbers(batch, places.overflow));
    numbers.any(|numbers| numbers.values().iter().any(|number| *number != 0))
}

/// Adds what is in rows of overflow to properties and groups, where these are among the columns.
pub(crate) fn complete(
    events: Vec<RecordBatch>,
    places: &Places,
    overflow: &[RecordBatch],
) -> Result<Vec<RecordBatch>, Fault> {
    let found = Found::of(overflow).ok_or_else(|| Fault::unexpected("rows of overflow"))?;
    let columns = [(places.properties, PROPERTIES), (places.groups, GROUPS)];
    let complete = |batch: RecordBatch| {
        let numbers = numbers(&batch, places.overflow);
        let numbers = numbers.ok_or_else(|| Fault::unexpected("numbers of overflow"))?;
        let mut all = batch.columns().to_vec();
        for (place, column) in columns {
            if let Some(array) = place.and_then(|place| all.get_mut(place)) {
                *array = found.join(array, numbers, column)?;
            }
        }
        Ok(RecordBatch::try_new(batch.schema(), all)?)
    };
    events.into_iter().map(complete).collect()
}

fn numbers(batch: &RecordBatch, place: usize) -> Option<&UInt64Array> {
    batch.columns().get(place)?.as_primitive_opt::<UInt64Type>()
}

/// Rows of overflow, and where those of each number are, in their order: batch and row.
struct Found<'a> {
    batches: &'a [RecordBatch],
    places: HashMap<u64, Vec<(usize, usize)>>,
}

impl<'a> Found<'a> {
    fn of(batches: &'a [RecordBatch]) -> Option<Self> {
        let mut rows = Vec::new();
        for (place, batch) in batches.iter().enumerate() {
            let numbers = numbers(batch, 0)?;
            let parts = batch.columns().get(1)?.as_primitive_opt::<UInt16Type>()?;
            let keys = numbers.values().iter().zip(parts.values());
            rows.extend(keys.enumerate().map(|(row, key)| (key, (place, row))));
        }
        rows.sort_unstable();
        let mut places = HashMap::<_, Vec<_>>::new();
        for ((number, _part), place) in rows {
            places.entry(*number).or_default().push(place);
        }
        Some(Self { batches, places })
    }

    /// Lists or maps, each with those of a column of its rows of overflow behind it.
    fn join(
        &self,
        array: &ArrayRef,
        numbers: &UInt64Array,
        column: usize,
    ) -> Result<ArrayRef, Fault> {
        let unexpected = || Fault::unexpected("lists or maps");
        let own = Entries::of(array).ok_or_else(unexpected)?;
        let others = self
            .batches
            .iter()
            .map(|batch| Entries::of(batch.column(column)));
        let others = others.collect::<Option<Vec<_>>>().ok_or_else(unexpected)?;
        let (mut indices, mut lengths) = (Vec::new(), Vec::with_capacity(array.len()));
        for (row, number) in numbers.values().iter().enumerate() {
            let before = indices.len();
            indices.extend(own.of_row(row).map(|entry| (0, entry)));
            for (batch, row) in self.places.get(number).into_iter().flatten() {
                let entries = others
                    .get(*batch)
                    .into_iter()
                    .flat_map(|all| all.of_row(*row));
                indices.extend(entries.map(|entry| (batch + 1, entry)));
            }
            lengths.push(indices.len() - before);
        }
        let all = std::iter::once(&own).chain(&others);
        let all = all.map(|entries| &*entries.entries).collect::<Vec<_>>();
        let entries = interleave(&all, &indices)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        let nulls = array.nulls().cloned();
        match array.data_type() {
            DataType::Map(field, ordered) => {
                let entries = entries.as_struct_opt().ok_or_else(unexpected)?.clone();
                let map = MapArray::try_new(Arc::clone(field), offsets, entries, nulls, *ordered)?;
                Ok(Arc::new(map))
            }
            DataType::List(field) => {
                let list = ListArray::try_new(Arc::clone(field), offsets, entries, nulls)?;
                Ok(Arc::new(list))
            }
            _ => Err(unexpected()),
        }
    }
}

/// What is in lists or maps.
struct Entries {
    offsets: OffsetBuffer<i32>,
    entries: ArrayRef,
}

impl Entries {
    fn of(array: &ArrayRef) -> Option<Self> {
        if let Some(map) = array.as_map_opt() {
            return Some(Self {
                offsets: map.offsets().clone(),
                entries: Arc::new(map.entries().clone()),
            });
        }
        let list = array.as_list_opt::<i32>()?;
        Some(Self {
            offsets: list.offsets().clone(),
            entries: Arc::clone(list.values()),
        })
    }

    fn of_row(&self, row: usize) -> Range<usize> {
        let [start, end] = [row, row + 1].map(|place| self.offsets.get(place).copied());
        let [start, end] = [start, end].map(|offset| offset.unwrap_or_default() as usize);
        start..end
    }
}
