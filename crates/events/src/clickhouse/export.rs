//! Raw events as a stream, however many there are: rows of the server in batches of Arrow.

mod batches;

use clickhouse::{Row as _, query::RowCursor};
use paneld_analytics::{EventColumn, RawEventsRequest};
use tokio::time::timeout;

use self::batches::Batches;
use super::{
    client::asking,
    rows::EventRow,
    sql::{Dialect, Sql, matching, next_row, start},
    store::{ClickHouseStore, Inner},
};
use crate::{EventsError, Scope, arrow::array::RecordBatch, turns::Turn};

/// How many rows the server sends at once: it holds a few of these blocks, of which callers choose
/// the size.
const BLOCK: &str = "2000";

impl ClickHouseStore {
    pub(crate) async fn stream_events(
        &self,
        scope: Scope,
        request: RawEventsRequest,
        columns: Vec<EventColumn>,
        times_as_text: bool,
    ) -> Result<EventStream, EventsError> {
        let begun = timeout(self.read_time, async {
            self.inner.ready().await?;
            let turn = self.inner.lanes.streams.take(&self.asker).await?;
            let client = asking(&self.inner.client, self.read_time)
                // It lasts as long as its reader does.
                .with_setting("max_execution_time", "0")
                .with_setting("max_block_size", BLOCK);
            let rows = self
                .inner
                .told(rows(&scope, &request, &columns).cursor(&client))?;
            let mut stream = EventStream {
                rows,
                batches: Batches::new(scope.id, columns, times_as_text),
                first: None,
                is_over: false,
                turn,
                store: self.clone(),
            };
            stream.first = stream.take().await?;
            Ok(stream)
        });
        begun.await.unwrap_or(Err(EventsError::TooSlow))
    }
}

/// The events that are wanted, newest first. Columns that are not are empty.
fn rows(scope: &Scope, request: &RawEventsRequest, columns: &[EventColumn]) -> Sql {
    let wanted = |name: &str| {
        columns.iter().any(|column| match column {
            EventColumn::One(column) => column.name() == name,
            EventColumn::Groups => name == "groups",
            EventColumn::Properties => name == "properties",
        })
    };
    let columns = EventRow::COLUMN_NAMES.iter().map(|name| {
        if wanted(name) {
            format!("e.{name} AS {name}")
        } else {
            format!("defaultValueOfTypeName(toTypeName(e.{name})) AS {name}")
        }
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let (behind, offset) = start(Dialect::ClickHouse, request.start);
    Sql::new(&format!("SELECT {columns} FROM events e WHERE "))
        .add(matching(Dialect::ClickHouse, scope, &request.selection))
        .push(" AND ")
        .add(behind)
        .push(" ORDER BY e.created_at DESC, e.id LIMIT ")
        .add(Sql::count(request.limit.unwrap_or(u64::MAX - offset)))
        .push(" OFFSET ")
        .add(Sql::count(offset))
}

/// Events as they are sent.
pub(crate) struct EventStream {
    rows: RowCursor<EventRow<'static>>,
    batches: Batches,
    first: Option<RecordBatch>,
    is_over: bool,
    turn: Turn,
    store: ClickHouseStore,
}

impl EventStream {
    /// The next batch; `None` when there is none left.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, EventsError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None if self.is_over => Ok(None),
            None => self.take().await,
        }
    }

    /// Whether somebody else waits for the turn.
    pub(crate) fn is_wanted(&self) -> bool {
        self.turn.is_wanted()
    }

    /// What comes next; the first batch may be empty.
    async fn take(&mut self) -> Result<Option<RecordBatch>, EventsError> {
        let inner: &Inner = &self.store.inner;
        while !self.batches.is_full() {
            let row = next_row(&mut self.rows).await;
            match inner.told(row)? {
                Some(row) => inner.told(self.batches.add(&row))?,
                None => {
                    self.is_over = true;
                    break;
                }
            }
        }
        let is_all = self.is_over && self.batches.is_empty() && self.batches.has_sent();
        if is_all {
            return Ok(None);
        }
        inner.told(self.batches.finish()).map(Some)
    }
}
