//! Events as a stream.

use duckdb::{Connection, arrow::array::RecordBatch};
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
const SLICE: u64 = 50_000;

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
            let rows = self
                .select()
                .add(condition.clone())
                .push(" AND ")
                .add(in_window("e", slice.window))
                .push(" ORDER BY e.created_at DESC, e.id LIMIT ")
                .add(Sql::count(found))
                .push(" OFFSET ")
                .add(Sql::count(before));
            rows.stream(&snapshot, |batch| {
                is_first = false;
                outlet.send(batch)
            })?;
            left -= found;
            before = 0;
        }
        if is_first {
            let columns = self.select().push("FALSE").schema(&snapshot)?;
            outlet.send(RecordBatch::new_empty(columns))?;
        }
        Ok(())
    }

    fn select(&self) -> Sql {
        let columns = self.columns.iter().map(|column| self.column(*column));
        Sql::new("SELECT ")
            .add(Sql::join(columns, ", "))
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

/// A part of a window, and how many events there are in it.
struct Slice {
    window: Window,
    count: u64,
}
