//! Events as a Parquet file: moments are timestamps in UTC, numbers are numbers, groups a list
//! and properties a map. The profile is JSON.

use std::sync::Arc;

use paneld_service::{
    ProfilesBeside,
    arrow::{
        array::{
            Array, ArrayRef, AsArray as _, RecordBatch, StringArray, TimestampMillisecondArray,
        },
        datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMillisecondType},
    },
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding},
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};

use super::{error::EncodeError, layout::RowLayout};

/// So many events are gathered in memory until they are written: some megabytes, encoded.
const ROW_GROUP: usize = 50_000;
/// Fewer, when they have so many bytes: callers choose what is in an event.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// Encodes events as a file of columns.
pub(crate) struct Parquet {
    row: RowLayout,
    /// Made with the first batch, which there always is: it tells the types.
    writer: Option<ArrowWriter<Vec<u8>>>,
}

impl Parquet {
    pub(super) fn new(row: RowLayout) -> Self {
        Self { row, writer: None }
    }

    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        profiles: &ProfilesBeside,
    ) -> Result<(), EncodeError> {
        let mut columns: Vec<_> = batch.columns().iter().map(in_utc).collect();
        if let Some(profiles) = self.row.profiles(batch, profiles)? {
            columns.push(Arc::new(StringArray::from(profiles)));
        }
        let schema = self.schema(batch, &columns);
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(writer(schema)?),
        };
        writer.write(&batch)?;
        if writer.memory_size() >= ROW_GROUP_BYTES {
            writer.flush()?;
        }
        Ok(())
    }

    /// The columns by the names that callers know.
    fn schema(&self, batch: &RecordBatch, columns: &[ArrayRef]) -> SchemaRef {
        let profile = self.row.has_profile.then_some("profile");
        let names = self.row.names.iter().copied().chain(profile);
        let fields = names
            .zip(columns)
            .enumerate()
            .map(|(place, (name, column))| {
                let may_be_null = batch
                    .schema_ref()
                    .fields()
                    .get(place)
                    .is_some_and(|field| field.is_nullable());
                Field::new(name, column.data_type().clone(), may_be_null)
            });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        let writer = self.writer.as_mut();
        // What lies there has been counted, and is not looked at again.
        writer.map_or_else(Vec::new, |writer| std::mem::take(writer.inner_mut()))
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, EncodeError> {
        match self.writer {
            Some(writer) => Ok(writer.into_inner()?),
            None => Err(EncodeError::Column(0)),
        }
    }
}

fn writer(schema: SchemaRef) -> Result<ArrowWriter<Vec<u8>>, EncodeError> {
    let (id, created_at) = (ColumnPath::from("id"), ColumnPath::from("createdAt"));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        // No two are alike.
        .set_column_dictionary_enabled(id, false)
        .set_column_dictionary_enabled(created_at.clone(), false)
        .set_column_encoding(created_at.clone(), Encoding::DELTA_BINARY_PACKED)
        // Readers skip groups by their time. To compare all texts would take longer than to
        // write them.
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(created_at, EnabledStatistics::Chunk)
        .build();
    Ok(ArrowWriter::try_new(Vec::new(), schema, Some(properties))?)
}

/// The moments of the store are in UTC, without saying so.
fn in_utc(column: &ArrayRef) -> ArrayRef {
    if *column.data_type() != DataType::Timestamp(TimeUnit::Millisecond, None) {
        return Arc::clone(column);
    }
    let moments: &TimestampMillisecondArray = column.as_primitive::<TimestampMillisecondType>();
    Arc::new(moments.clone().with_timezone("UTC"))
}
