//! Rows in columns, for those who take events in batches.

use std::sync::Arc;

use paneld_analytics::{Column, EventColumn};
use paneld_domain::ProjectId;
use uuid::Uuid;

use crate::{
    arrow::{
        array::{
            ArrayRef, Float32Builder, ListBuilder, MapBuilder, RecordBatch, StringBuilder,
            TimestampMillisecondBuilder, UInt64Builder,
        },
        datatypes::{Field, Schema},
    },
    clickhouse::{fault::Fault, rows::EventRow, sql::moment},
};

/// A batch has so many events at most.
const MOST: usize = 6_250;

/// A batch has about so many bytes at most.
const MOST_BYTES: usize = 4 << 20;

/// Batches in the making.
pub(super) struct Batches {
    project: ProjectId,
    columns: Vec<(EventColumn, Builder)>,
    rows: usize,
    bytes: usize,
    has_sent: bool,
}

/// A column in the making.
enum Builder {
    Text(StringBuilder),
    Number(UInt64Builder),
    Degrees(Float32Builder),
    Time(TimestampMillisecondBuilder),
    Texts(ListBuilder<StringBuilder>),
    Pairs(MapBuilder<StringBuilder, StringBuilder>),
}

impl Builder {
    fn of(column: EventColumn, times_as_text: bool) -> Self {
        match column {
            EventColumn::One(Column::CreatedAt | Column::ImportedAt) if !times_as_text => {
                Self::Time(TimestampMillisecondBuilder::new())
            }
            EventColumn::One(Column::Revenue | Column::Duration) => {
                Self::Number(UInt64Builder::new())
            }
            EventColumn::One(Column::Longitude | Column::Latitude) => {
                Self::Degrees(Float32Builder::new())
            }
            EventColumn::One(_) => Self::Text(StringBuilder::new()),
            EventColumn::Groups => Self::Texts(ListBuilder::new(StringBuilder::new())),
            EventColumn::Properties => Self::Pairs(MapBuilder::new(
                None,
                StringBuilder::new(),
                StringBuilder::new(),
            )),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Number(builder) => Arc::new(builder.finish()),
            Self::Degrees(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
            Self::Pairs(builder) => Arc::new(builder.finish()),
        }
    }
}

impl Batches {
    /// Nothing yet, of a project, with these columns.
    pub(super) fn new(project: ProjectId, columns: Vec<EventColumn>, times_as_text: bool) -> Self {
        let columns = columns.into_iter();
        Self {
            project,
            columns: columns
                .map(|column| (column, Builder::of(column, times_as_text)))
                .collect(),
            rows: 0,
            bytes: 0,
            has_sent: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= MOST || self.bytes >= MOST_BYTES
    }

    /// Whether a batch was finished.
    pub(super) fn has_sent(&self) -> bool {
        self.has_sent
    }

    pub(super) fn add(&mut self, row: &EventRow<'_>) -> Result<(), Fault> {
        for (column, builder) in &mut self.columns {
            match builder {
                Builder::Number(builder) => builder.append_value(number(row, *column)),
                Builder::Degrees(builder) => builder.append_option(degrees(row, *column)),
                Builder::Time(builder) => builder.append_option(time(row, *column)),
                Builder::Texts(builder) => {
                    self.bytes += row.groups.iter().map(|text| text.len()).sum::<usize>();
                    builder.append_value(row.groups.iter().map(Some));
                }
                Builder::Pairs(builder) => {
                    for (key, value) in &row.properties {
                        self.bytes += key.len() + value.len();
                        builder.keys().append_value(key);
                        builder.values().append_value(value);
                    }
                    let appended = builder.append(true);
                    appended.map_err(|error| Fault::Data(error.into()))?;
                }
                Builder::Text(builder) => {
                    let before = builder.values_slice().len();
                    match column {
                        EventColumn::One(Column::ProjectId) => {
                            builder.append_value(self.project.as_str())
                        }
                        EventColumn::One(Column::Id) => {
                            builder.append_value(Uuid::from_bytes(row.id).to_string());
                        }
                        EventColumn::One(Column::CreatedAt | Column::ImportedAt) => {
                            let time = time(row, *column).map(moment);
                            let text = time.map(|at| at.format("%Y-%m-%dT%H:%M:%S%.3fZ"));
                            builder.append_option(text.map(|text| text.to_string()));
                        }
                        column => builder.append_value(text(row, *column)),
                    }
                    self.bytes += builder.values_slice().len() - before;
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The events that were added since the last batch.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, Fault> {
        self.has_sent = true;
        (self.rows, self.bytes) = (0, 0);
        let columns = self.columns.iter_mut();
        let columns = columns.map(|(column, builder)| {
            let column = match column {
                EventColumn::One(column) => column.name(),
                EventColumn::Groups => "groups",
                EventColumn::Properties => "properties",
            };
            let array = builder.finish();
            (Field::new(column, array.data_type().clone(), true), array)
        });
        let (fields, arrays): (Vec<_>, Vec<_>) = columns.unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        batch.map_err(|error| Fault::Data(error.into()))
    }
}

fn number(row: &EventRow<'_>, column: EventColumn) -> u64 {
    match column {
        EventColumn::One(Column::Revenue) => row.revenue,
        _ => row.duration,
    }
}

fn degrees(row: &EventRow<'_>, column: EventColumn) -> Option<f32> {
    match column {
        EventColumn::One(Column::Longitude) => row.longitude,
        _ => row.latitude,
    }
}

fn time(row: &EventRow<'_>, column: EventColumn) -> Option<i64> {
    match column {
        EventColumn::One(Column::CreatedAt) => Some(row.created_at),
        _ => row.imported_at,
    }
}

/// The text of a column that holds one.
fn text<'a>(row: &EventRow<'a>, column: EventColumn) -> &'a str {
    let EventColumn::One(column) = column else {
        return "";
    };
    match column {
        Column::Name => row.name,
        Column::SdkName => row.sdk_name,
        Column::SdkVersion => row.sdk_version,
        Column::DeviceId => row.device_id,
        Column::ProfileId => row.profile_id,
        Column::SessionId => row.session_id,
        Column::Path => row.path,
        Column::Origin => row.origin,
        Column::Referrer => row.referrer,
        Column::ReferrerName => row.referrer_name,
        Column::ReferrerType => row.referrer_type,
        Column::Country => row.country,
        Column::City => row.city,
        Column::Region => row.region,
        Column::Os => row.os,
        Column::OsVersion => row.os_version,
        Column::Browser => row.browser,
        Column::BrowserVersion => row.browser_version,
        Column::Device => row.device,
        Column::Brand => row.brand,
        Column::Model => row.model,
        Column::Id
        | Column::ProjectId
        | Column::Duration
        | Column::Revenue
        | Column::CreatedAt
        | Column::Longitude
        | Column::Latitude
        | Column::ImportedAt => "",
    }
}
