//! Events as a stream.

use std::cmp::Reverse;

use duckdb::{
    Connection,
    arrow::{
        array::{AsArray as _, RecordBatch},
        compute::interleave_record_batch,
        datatypes::Int64Type,
    },
};
use paneld_analytics::{Column, EventColumn, RawEventsRequest, Window};
use paneld_domain::Timestamp;

use super::{matching, start};
use crate::{
    Scope,
    error::Fault,
    parts::Outlet,
    sql::{Sql, in_window},
};

/// About so many events are sorted at once: so sorting needs little memory, however many events
/// there are.
const SLICE: u64 = 25_000;

/// So many are sorted here at most: some dozen megabytes.
const MOST_AT_ONCE: u64 = 2 * SLICE;

/// So many bytes are: events may be large.
const MOST_BYTES: usize = 64 << 20;

/// So many are sent at once: while those of a slice are taken, the next is found.
const BATCH: usize = 6_250;

/// What events are sorted by, behind the columns that are wanted.
const KEYS: [&str; 2] = [
    "epoch_ms(e.created_at) AS sort_time",
    "e.id::BLOB AS sort_id",
];

/// Which events are wanted, and what of them.
pub(super) struct Wanted<'a> {
    pub(super) scope: &'a Scope,
    pub(super) request: &'a RawEventsRequest,
    pub(super) columns: &'a [EventColumn],
    pub(super) times_as_text: bool,
}

impl Wanted<'_> {
    /// Sends them, newest first.
    pub(super) fn send(
        &self,
        connection: &Connection,
        outlet: &Outlet<RecordBatch>,
    ) -> Result<(), Fault> {
        // All of one moment.
        let snapshot = connection.unchecked_transaction()?;
        let (behind, offset) = start(self.request.start);
        let condition = Sql::all([matching(self.scope, &self.request.selection), behind]);
        let mut before = offset;
        let mut left = self.request.limit.unwrap_or(u64::MAX);
        let mut is_first = true;
        for slice in self.slices(&snapshot, &condition)? {
            if before >= slice.count {
                before -= slice.count;
                continue;
            }
            if left == 0 {
                break;
            }
            let found = (slice.count - before).min(left);
            let part = Part {
                offset: before,
                count: found,
            };
            is_first = false;
            match self.find(&snapshot, &condition, &slice)? {
                Some(found) => send_sorted(&found, part, outlet)?,
                None => self.send_large(&snapshot, &condition, &slice, part, outlet)?,
            }
            left -= found;
            before = 0;
        }
        if is_first {
            let columns = self.select().push("FALSE").schema(&snapshot)?;
            outlet.send(without_keys(&RecordBatch::new_empty(columns))?)?;
        }
        Ok(())
    }

    /// The events of a slice in any order; `None` when they do not fit into memory.
    fn find(
        &self,
        connection: &Connection,
        condition: &Sql,
        slice: &Slice,
    ) -> Result<Option<Vec<RecordBatch>>, Fault> {
        if slice.count > MOST_AT_ONCE {
            return Ok(None);
        }
        let (mut found, mut bytes) = (Vec::new(), 0);
        self.of_slice(condition, slice)
            .stream_while(connection, |batch| {
                bytes += batch.get_array_memory_size();
                found.push(batch);
                Ok(bytes <= MOST_BYTES)
            })?;
        Ok((bytes <= MOST_BYTES).then_some(found))
    }

    /// Sends a part of a slice that does not fit into memory: large events, or many of one minute.
    /// DuckDB sorts them, on disk if need be.
    fn send_large(
        &self,
        connection: &Connection,
        condition: &Sql,
        slice: &Slice,
        part: Part,
        outlet: &Outlet<RecordBatch>,
    ) -> Result<(), Fault> {
        self.of_slice(condition, slice)
            .push(" ORDER BY e.created_at DESC, e.id LIMIT ")
            .add(Sql::count(part.count))
            .push(" OFFSET ")
            .add(Sql::count(part.offset))
            .stream(connection, |batch| outlet.send(without_keys(&batch)?))
    }

    fn of_slice(&self, condition: &Sql, slice: &Slice) -> Sql {
        self.select()
            .add(condition.clone())
            .push(" AND ")
            .add(in_window("e", slice.window))
    }

    fn select(&self) -> Sql {
        let columns = self.columns.iter().map(|column| self.column(*column));
        Sql::new("SELECT ")
            .add(Sql::join(columns.chain(KEYS.map(Sql::new)), ", "))
            .push(" FROM events e WHERE ")
    }

    fn column(&self, column: EventColumn) -> Sql {
        match column {
            EventColumn::One(Column::ProjectId) => {
                Sql::text(self.scope.id.as_str()).push("::VARCHAR AS project_id")
            }
            EventColumn::One(Column::Id) => Sql::new("e.id::VARCHAR AS id"),
            EventColumn::One(column @ (Column::CreatedAt | Column::ImportedAt))
                if self.times_as_text =>
            {
                let name = column.name();
                Sql::new(&format!(
                    "strftime(e.{name}, '%Y-%m-%dT%H:%M:%S.%gZ') AS {name}"
                ))
            }
            EventColumn::One(column) => {
                let name = column.name();
                Sql::new(&format!("e.{name} AS \"{name}\""))
            }
            EventColumn::Groups => Sql::new("e.groups AS groups"),
            EventColumn::Properties => Sql::new("e.properties AS properties"),
        }
    }

    /// The window in parts of whole minutes, newest first, each with about the same number of
    /// events. Only those in which there are some.
    fn slices(&self, connection: &Connection, condition: &Sql) -> Result<Vec<Slice>, Fault> {
        let parts = Sql::new(
            "WITH minutes AS (
                SELECT date_trunc('minute', e.created_at) AS minute, count(*) AS found
                FROM events e WHERE ",
        )
        .add(condition.clone())
        .push(&format!(
            " GROUP BY minute
            ), numbered AS (
                SELECT minute, found,
                    (sum(found) OVER (ORDER BY minute DESC) - 1) // {SLICE} AS slice
                FROM minutes
            )
            SELECT epoch_ms(min(minute)), epoch_ms(max(minute)) + 60000, sum(found)::UBIGINT
            FROM numbered GROUP BY slice ORDER BY 1 DESC"
        ))
        .query(connection, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
        })?;
        let moment = |millis| {
            let moment = Timestamp::from_timestamp_millis(millis);
            moment.ok_or_else(|| Fault::Data(format!("{millis} ms is no time").into()))
        };
        let slices = parts.into_iter().map(|(start, end, count)| {
            Ok(Slice {
                window: Window {
                    start: moment(start)?,
                    end: moment(end)?,
                },
                count,
            })
        });
        slices.collect()
    }
}

/// Sorts a slice, and sends a part of it. To sort rows as wide as these takes DuckDB longer than
/// to find them.
fn send_sorted(
    found: &[RecordBatch],
    part: Part,
    outlet: &Outlet<RecordBatch>,
) -> Result<(), Fault> {
    let rows = without_keys(&in_order(found, part)?)?;
    for start in (0..rows.num_rows()).step_by(BATCH) {
        outlet.send(rows.slice(start, BATCH.min(rows.num_rows() - start)))?;
    }
    Ok(())
}

/// A part of some rows: newest first, then by id.
fn in_order(found: &[RecordBatch], part: Part) -> Result<RecordBatch, Fault> {
    let mut order = Vec::new();
    for (batch, rows) in found.iter().enumerate() {
        let keys = match rows.columns() {
            [.., times, ids] => times
                .as_primitive_opt::<Int64Type>()
                .zip(ids.as_binary_opt::<i32>()),
            _ => None,
        };
        let (times, ids) = keys.ok_or_else(|| Fault::unexpected("a time and an id"))?;
        let keys = (0..rows.num_rows()).map(|row| {
            let key = (Reverse(times.value(row)), ids.value(row));
            (key, (batch, row))
        });
        order.extend(keys);
    }
    order.sort_unstable();
    let order = order.into_iter().map(|(_key, place)| place);
    let order = order.skip(part.offset as usize).take(part.count as usize);
    let batches = found.iter().collect::<Vec<_>>();
    Ok(interleave_record_batch(
        &batches,
        &order.collect::<Vec<_>>(),
    )?)
}

fn without_keys(rows: &RecordBatch) -> Result<RecordBatch, Fault> {
    let wanted = (0..rows.num_columns() - KEYS.len()).collect::<Vec<_>>();
    Ok(rows.project(&wanted)?)
}

/// A part of a slice.
#[derive(Clone, Copy)]
struct Part {
    offset: u64,
    count: u64,
}

/// A part of a window, and how many events there are in it.
struct Slice {
    window: Window,
    count: u64,
}
