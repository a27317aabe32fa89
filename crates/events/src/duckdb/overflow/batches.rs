//! Events in columns with what has no room in their rows.

use std::{collections::HashMap, fmt::Write as _, ops::Range, sync::Arc};

use duckdb::arrow::{
    array::{
        Array as _, ArrayBuilder as _, ArrayRef, AsArray as _, ListArray, MapArray, RecordBatch,
        StringArray, StringBuilder, StructArray, UInt64Array,
    },
    buffer::OffsetBuffer,
    compute::interleave,
    datatypes::{DataType, UInt16Type, UInt64Type},
};

use crate::duckdb::fault::Fault;

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
    let found = Found::new(overflow).ok_or_else(|| Fault::unexpected("rows of overflow"))?;
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
    fn new(batches: &'a [RecordBatch]) -> Option<Self> {
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

    /// The rows of overflow of an event: batch and row.
    fn of(&self, number: u64) -> impl Iterator<Item = (usize, usize)> {
        self.places.get(&number).into_iter().flatten().copied()
    }

    /// Lists or maps, each with those of a column of its rows of overflow behind it.
    fn join(
        &self,
        array: &ArrayRef,
        numbers: &UInt64Array,
        column: usize,
    ) -> Result<ArrayRef, Fault> {
        let unexpected = || Fault::unexpected("lists or maps");
        let others = self.batches.iter().map(|batch| batch.column(column));
        if let Some(maps) = array.as_map_opt() {
            let others = others.map(|other| other.as_map_opt().and_then(Pairs::of));
            let others = others.collect::<Option<Vec<_>>>().ok_or_else(unexpected)?;
            return Ok(Arc::new(self.join_maps(maps, numbers, &others)?));
        }
        let lists = array.as_list_opt().ok_or_else(unexpected)?;
        let others = others.map(|other| other.as_list_opt());
        let others = others.collect::<Option<Vec<_>>>().ok_or_else(unexpected)?;
        Ok(Arc::new(self.join_lists(lists, numbers, &others)?))
    }

    fn join_lists(
        &self,
        lists: &ListArray,
        numbers: &UInt64Array,
        others: &[&ListArray],
    ) -> Result<ListArray, Fault> {
        let (mut indices, mut lengths) = (Vec::new(), Vec::with_capacity(lists.len()));
        for (row, number) in numbers.values().iter().enumerate() {
            let before = indices.len();
            indices.extend(entries(lists.offsets(), row).map(|entry| (0, entry)));
            for (batch, row) in self.of(*number) {
                let offsets = others.get(batch).map(|lists| lists.offsets());
                let entries = offsets
                    .into_iter()
                    .flat_map(|offsets| entries(offsets, row));
                indices.extend(entries.map(|entry| (batch + 1, entry)));
            }
            lengths.push(indices.len() - before);
        }
        let all = std::iter::once(&lists).chain(others);
        let all = all.map(|lists| &**lists.values()).collect::<Vec<_>>();
        let texts = interleave(&all, &indices)?;
        let DataType::List(field) = lists.data_type() else {
            return Err(Fault::unexpected("lists"));
        };
        let offsets = OffsetBuffer::from_lengths(lengths);
        let nulls = lists.nulls().cloned();
        Ok(ListArray::try_new(
            Arc::clone(field),
            offsets,
            texts,
            nulls,
        )?)
    }

    fn join_maps(
        &self,
        maps: &MapArray,
        numbers: &UInt64Array,
        others: &[Pairs<'_>],
    ) -> Result<MapArray, Fault> {
        let unexpected = || Fault::unexpected("maps of texts");
        let own = Pairs::of(maps).ok_or_else(unexpected)?;
        let (mut names, mut values) = (StringBuilder::new(), StringBuilder::new());
        let mut lengths = Vec::with_capacity(maps.len());
        for (row, number) in numbers.values().iter().enumerate() {
            let before = names.len();
            let rest = self.of(*number);
            let rest = rest.filter_map(|(batch, row)| Some(others.get(batch)?.of_row(row)));
            let mut last = None;
            for (name, piece) in own.of_row(row).chain(rest.flatten()) {
                // Pieces of a value are one behind the other.
                if last != Some(name) {
                    if last.is_some() {
                        values.append_value("");
                    }
                    names.append_value(name);
                }
                values.write_str(piece).map_err(|_full| unexpected())?;
                last = Some(name);
            }
            if last.is_some() {
                values.append_value("");
            }
            lengths.push(names.len() - before);
        }
        let DataType::Map(field, ordered) = maps.data_type() else {
            return Err(unexpected());
        };
        let columns = vec![
            Arc::new(names.finish()) as ArrayRef,
            Arc::new(values.finish()),
        ];
        let entries = StructArray::try_new(maps.entries().fields().clone(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        let nulls = maps.nulls().cloned();
        let field = Arc::clone(field);
        Ok(MapArray::try_new(field, offsets, entries, nulls, *ordered)?)
    }
}

/// The names and values in maps.
struct Pairs<'a> {
    offsets: &'a OffsetBuffer<i32>,
    names: &'a StringArray,
    values: &'a StringArray,
}

impl<'a> Pairs<'a> {
    fn of(maps: &'a MapArray) -> Option<Self> {
        Some(Self {
            offsets: maps.offsets(),
            names: maps.keys().as_string_opt()?,
            values: maps.values().as_string_opt()?,
        })
    }

    fn of_row(&self, row: usize) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (names, values) = (self.names, self.values);
        entries(self.offsets, row).map(|entry| (names.value(entry), values.value(entry)))
    }
}

/// Which entries of lists or maps are those of a row.
fn entries(offsets: &OffsetBuffer<i32>, row: usize) -> Range<usize> {
    let [start, end] = [row, row + 1].map(|place| offsets.get(place).copied());
    let [start, end] = [start, end].map(|offset| offset.unwrap_or_default() as usize);
    start..end
}
