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

use crate::{
    Scope,
    duckdb::{
        fault::Fault,
        overflow::batches,
        parts::Outlet,
        sql::{Dialect, Sql, Value, in_window, matching, of_project, start},
    },
};

/// About so many events are sorted at once: so sorting needs little memory, however many events
/// there are.
const SLICE: u64 = 12_500;

/// So many are sorted here at most: some dozen megabytes.
const MOST_AT_ONCE: u64 = 4 * SLICE;

/// So many bytes are: events may be large, and up to three parts of this size are on their way.
const MOST_BYTES: usize = 4 << 20;

/// So many are sent at once: while those of a slice are taken, the next is found.
const BATCH: usize = 6_250;

/// What events are sorted by, behind the columns that are wanted. The id as text sorts like itself.
const TIME: &str = "epoch_ms(e.created_at) AS sort_time";
const ID: &str = "e.id::VARCHAR AS sort_id";

/// What tells whether an event has more than there is in its row.
const OVERFLOW: &str = "e.overflow AS own_overflow";

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
        outlet: &mut Outlet<RecordBatch>,
    ) -> Result<(), Fault> {
        // All of one moment.
        let snapshot = connection.unchecked_transaction()?;
        let (behind, offset) = start(Dialect::DuckDb, self.request.start);
        let condition = Sql::all([
            matching(Dialect::DuckDb, self.scope, &self.request.selection),
            behind,
        ]);
        let mut before = offset;
        let mut left = self.request.limit.unwrap_or(u64::MAX);
        let mut slices = self.slices(&snapshot, &condition)?;
        let mut is_first = true;
        while let Some(slice) = slices.pop() {
            if before >= slice.count {
                before -= slice.count;
                continue;
            }
            if left == 0 {
                break;
            }
            let Some(found) = self.find(&snapshot, &slice)? else {
                slices.extend(slice.halves(&snapshot)?);
                continue;
            };
            let part = Part {
                offset: before,
                count: (slice.count - before).min(left),
            };
            self.send_sorted(&found, part, outlet)?;
            is_first = false;
            left -= part.count;
            before = 0;
        }
        if is_first {
            let columns = self.select().push("FALSE").schema(&snapshot)?;
            outlet.send(self.without_keys(&RecordBatch::new_empty(columns))?)?;
        }
        Ok(())
    }

    /// The events of a slice in any order; `None` when they do not fit into memory.
    fn find(
        &self,
        connection: &Connection,
        slice: &Slice,
    ) -> Result<Option<Vec<RecordBatch>>, Fault> {
        if slice.count > MOST_AT_ONCE {
            return Ok(None);
        }
        let most = if slice.count == 1 {
            usize::MAX
        } else {
            MOST_BYTES
        };
        let (mut found, mut bytes) = (Vec::new(), 0);
        self.select()
            .add(slice.condition.clone())
            .stream_while(connection, |batch| {
                bytes += batch.get_array_memory_size();
                found.push(batch);
                Ok(bytes <= most)
            })?;
        if let Some(places) = self.wide_columns()
            && bytes <= most
            && batches::are_wide(&found, &places)
        {
            let mut overflow = Vec::new();
            self.overflow(slice).stream_while(connection, |batch| {
                bytes += batch.get_array_memory_size();
                overflow.push(batch);
                Ok(bytes <= most)
            })?;
            if bytes <= most {
                found = batches::complete(found, &places, &overflow)?;
            }
        }
        Ok((bytes <= most).then_some(found))
    }

    /// What the events of a slice have beyond their rows.
    fn overflow(&self, slice: &Slice) -> Sql {
        Sql::new(&format!(
            "SELECT {} FROM event_overflow o WHERE ",
            batches::COLUMNS
        ))
        .add(of_project("o", self.scope.key))
        .push(" AND o.number IN (SELECT e.overflow FROM events e WHERE e.overflow <> 0 AND ")
        .add(slice.condition.clone())
        .push(")")
    }

    fn select(&self) -> Sql {
        let columns = self.columns.iter().map(|column| self.column(*column));
        let id = self.place_of_id().is_none().then_some(ID);
        let overflow = self.wide_columns().map(|_| OVERFLOW);
        let keys = std::iter::once(TIME)
            .chain(id)
            .chain(overflow)
            .map(Sql::new);
        Sql::new("SELECT ")
            .add(Sql::join(columns.chain(keys), ", "))
            .push(" FROM events e WHERE ")
    }

    /// Where the id is among the columns that are wanted.
    fn place_of_id(&self) -> Option<usize> {
        self.place_of(EventColumn::One(Column::Id))
    }

    fn place_of(&self, wanted: EventColumn) -> Option<usize> {
        self.columns.iter().position(|column| *column == wanted)
    }

    /// Where those are that may have more than there is in the row; `None` when none is wanted.
    fn wide_columns(&self) -> Option<batches::Places> {
        let properties = self.place_of(EventColumn::Properties);
        let groups = self.place_of(EventColumn::Groups);
        let keys = 1 + usize::from(self.place_of_id().is_none());
        (properties.is_some() || groups.is_some()).then_some(batches::Places {
            properties,
            groups,
            overflow: self.columns.len() + keys,
        })
    }

    fn without_keys(&self, rows: &RecordBatch) -> Result<RecordBatch, Fault> {
        let wanted = (0..self.columns.len()).collect::<Vec<_>>();
        Ok(rows.project(&wanted)?)
    }

    /// Sorts a slice, and sends a part of it. To sort rows as wide as these takes DuckDB longer
    /// than to find them.
    fn send_sorted(
        &self,
        found: &[RecordBatch],
        part: Part,
        outlet: &mut Outlet<RecordBatch>,
    ) -> Result<(), Fault> {
        let places = self.in_order(found, part)?;
        let found = found.iter().map(|rows| self.without_keys(rows));
        let found = found.collect::<Result<Vec<_>, Fault>>()?;
        let found = found.iter().collect::<Vec<_>>();
        for places in places.chunks(BATCH) {
            outlet.send(interleave_record_batch(&found, places)?)?;
        }
        Ok(())
    }

    /// Where a part of some rows is, batch and row: newest first, then by id.
    fn in_order(&self, found: &[RecordBatch], part: Part) -> Result<Vec<(usize, usize)>, Fault> {
        let time = self.columns.len();
        let id = self.place_of_id().unwrap_or(time + 1);
        let mut order = Vec::new();
        for (batch, rows) in found.iter().enumerate() {
            let (times, ids) = (rows.columns().get(time), rows.columns().get(id));
            let times = times.and_then(|times| times.as_primitive_opt::<Int64Type>());
            let ids = ids.and_then(|ids| ids.as_string_opt::<i32>());
            let keys = times.zip(ids);
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
        Ok(order.collect())
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

    /// The window in parts of whole minutes, the newest last, each with about the same number of
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
            FROM numbered GROUP BY slice ORDER BY 1"
        ))
        .query(connection, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
        })?;
        let slices = parts.into_iter().map(|(start, end, count)| {
            let window = Window {
                start: moment(start)?,
                end: moment(end)?,
            };
            Ok(Slice {
                condition: Sql::all([condition.clone(), in_window("e", window)]),
                count,
            })
        });
        slices.collect()
    }
}

/// A part of a slice.
#[derive(Clone, Copy)]
struct Part {
    offset: u64,
    count: u64,
}

/// A part of what is wanted, of which no event lies between those of another, and how many there
/// are in it.
struct Slice {
    condition: Sql,
    count: u64,
}

impl Slice {
    /// The two halves of one that does not fit into memory, the newer one last: of large events, or
    /// many of one minute. DuckDB could not sort them either: it sorts on disk only what is narrow.
    fn halves(self, connection: &Connection) -> Result<[Self; 2], Fault> {
        let newer = self.count / 2;
        // Ids may be there twice, places in the table may not.
        let last =
            Sql::new("SELECT epoch_ms(e.created_at), e.id::VARCHAR, e.rowid FROM events e WHERE ")
                .add(self.condition.clone())
                .push(" ORDER BY e.created_at DESC, e.id, e.rowid LIMIT 1 OFFSET ")
                .add(Sql::count(newer - 1))
                .query_row(connection, |row| {
                    let (time, id, place) = (row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?);
                    Ok([
                        Value::Time(time),
                        Value::Time(time),
                        Value::Text(id),
                        Value::Integer(place),
                    ])
                })?;
        let up_to_last = "(e.created_at >= ? AND (e.created_at > ?
            OR (e.id, e.rowid) <= (?::UUID, ?::BIGINT)))";
        let behind_last = "(e.created_at <= ? AND (e.created_at < ?
            OR (e.id, e.rowid) > (?::UUID, ?::BIGINT)))";
        let part = |condition, count| Self {
            condition: Sql::all([self.condition.clone(), Sql::with(condition, last.clone())]),
            count,
        };
        Ok([
            part(behind_last, self.count - newer),
            part(up_to_last, newer),
        ])
    }
}

fn moment(millis: i64) -> Result<Timestamp, Fault> {
    let moment = Timestamp::from_timestamp_millis(millis);
    moment.ok_or_else(|| Fault::Data(format!("{millis} ms is no time").into()))
}
