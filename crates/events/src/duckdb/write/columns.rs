//! Rows as Arrow has them: column by column, which is how DuckDB takes them fastest.

use std::{collections::HashMap, sync::Arc};

use duckdb::arrow::{
    array::{
        Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Float32Array, Int64Array, ListBuilder,
        MapBuilder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
        UInt16Array, UInt32Array, UInt64Array,
    },
    datatypes::{Field, Schema},
    error::ArrowError,
};
use paneld_domain::{Agent, Place, ProjectKey, Referrer, Timestamp};

/// A row with the project it belongs to.
pub(crate) type Row<'a, T> = (ProjectKey, &'a T);

/// Rows of things that somebody owns.
pub(crate) fn by_reference<T>(rows: &[(ProjectKey, T)]) -> Vec<Row<'_, T>> {
    rows.iter().map(|(project, row)| (*project, row)).collect()
}

/// The columns so far of some rows. Each method adds one or a few, by their names in the table.
pub(crate) struct Columns<'a, T> {
    pub(crate) rows: &'a [Row<'a, T>],
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl<'a, T> Columns<'a, T> {
    pub(crate) fn of(rows: &'a [Row<'a, T>]) -> Self {
        let mut columns = Self {
            rows,
            fields: Vec::new(),
            arrays: Vec::new(),
        };
        let keys = rows.iter().map(|(project, _)| project.0);
        columns.add("project_key", Int64Array::from_iter_values(keys));
        columns
    }

    pub(crate) fn finish(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
    }

    pub(crate) fn add(&mut self, name: &str, array: impl Array + 'static) {
        let data_type = array.data_type().clone();
        self.fields.push(Field::new(name, data_type, true));
        self.arrays.push(Arc::new(array));
    }

    pub(crate) fn values<V>(&self, value: impl Fn(&'a T) -> V) -> impl Iterator<Item = V> {
        self.rows.iter().map(move |(_, row)| value(row))
    }

    pub(crate) fn ids(
        &mut self,
        name: &str,
        id: impl Fn(&'a T) -> &'a [u8; 16],
    ) -> Result<(), ArrowError> {
        let array = FixedSizeBinaryArray::try_from_iter(self.values(id))?;
        let extension = ("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
        let field = Field::new(name, array.data_type().clone(), true);
        self.fields
            .push(field.with_metadata(HashMap::from([extension])));
        self.arrays.push(Arc::new(array));
        Ok(())
    }

    pub(crate) fn texts(&mut self, name: &str, text: impl Fn(&'a T) -> &'a str) {
        let array = StringArray::from_iter_values(self.values(text));
        self.add(name, array);
    }

    /// The function takes a row and its place.
    pub(crate) fn lists<L>(&mut self, name: &str, list: impl Fn(usize, &'a T) -> L)
    where
        L: IntoIterator<Item = &'a str>,
    {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for (place, (_, row)) in self.rows.iter().enumerate() {
            builder.append_value(list(place, row).into_iter().map(Some));
        }
        self.add(name, builder.finish());
    }

    pub(crate) fn times(&mut self, name: &str, time: impl Fn(&'a T) -> Option<Timestamp>) {
        let millis = self.values(|row| time(row).map(|time| time.timestamp_millis()));
        let array = millis.collect::<TimestampMillisecondArray>();
        self.add(name, array);
    }

    pub(crate) fn numbers(&mut self, name: &str, number: impl Fn(&'a T) -> u64) {
        let array = UInt64Array::from_iter_values(self.values(number));
        self.add(name, array);
    }

    pub(crate) fn counts(&mut self, name: &str, count: impl Fn(&'a T) -> u32) {
        let array = UInt32Array::from_iter_values(self.values(count));
        self.add(name, array);
    }

    pub(crate) fn numbers_of(&mut self, name: &str, number: impl Fn(&Row<'a, T>) -> u32) {
        let array = UInt32Array::from_iter_values(self.rows.iter().map(number));
        self.add(name, array);
    }

    /// The function takes the place of a row.
    pub(crate) fn numbers_at(&mut self, name: &str, number: impl Fn(usize) -> u64) {
        let numbers = (0..self.rows.len()).map(number);
        self.add(name, UInt64Array::from_iter_values(numbers));
    }

    pub(crate) fn shorts(&mut self, name: &str, number: impl Fn(&'a T) -> u16) {
        let array = UInt16Array::from_iter_values(self.values(number));
        self.add(name, array);
    }

    pub(crate) fn flags(&mut self, name: &str, flag: impl Fn(&'a T) -> bool) {
        let array = self.values(|row| Some(flag(row)));
        let array = array.collect::<BooleanArray>();
        self.add(name, array);
    }

    pub(crate) fn degrees(&mut self, name: &str, degrees: impl Fn(&'a T) -> Option<f32>) {
        let array = self.values(degrees).collect::<Float32Array>();
        self.add(name, array);
    }

    pub(crate) fn referrers(&mut self, referrer: impl Fn(&'a T) -> &'a Referrer) {
        self.texts("referrer", |row| &referrer(row).url);
        self.texts("referrer_name", |row| &referrer(row).name);
        self.texts("referrer_type", |row| &referrer(row).kind);
    }

    pub(crate) fn places(&mut self, place: impl Fn(&'a T) -> &'a Place) {
        self.texts("country", |row| &place(row).country);
        self.texts("region", |row| &place(row).region);
        self.texts("city", |row| &place(row).city);
        self.degrees("longitude", |row| place(row).longitude);
        self.degrees("latitude", |row| place(row).latitude);
    }

    pub(crate) fn agents(&mut self, agent: impl Fn(&'a T) -> &'a Agent) {
        self.texts("os", |row| &agent(row).os);
        self.texts("os_version", |row| &agent(row).os_version);
        self.texts("browser", |row| &agent(row).browser);
        self.texts("browser_version", |row| &agent(row).browser_version);
        self.texts("device", |row| &agent(row).device);
        self.texts("brand", |row| &agent(row).brand);
        self.texts("model", |row| &agent(row).model);
    }

    /// The function takes a row and its place.
    pub(crate) fn maps<M>(
        &mut self,
        name: &str,
        map: impl Fn(usize, &'a T) -> M,
    ) -> Result<(), ArrowError>
    where
        M: IntoIterator<Item = (&'a str, &'a str)>,
    {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for (place, (_, row)) in self.rows.iter().enumerate() {
            for (key, value) in map(place, row) {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            builder.append(true)?;
        }
        self.add(name, builder.finish());
        Ok(())
    }
}
