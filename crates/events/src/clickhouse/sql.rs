//! SQL as ClickHouse is asked it.

use std::{borrow::Cow, ops::RangeInclusive};

use clickhouse::{
    Client, Row, RowOwned, RowRead,
    query::{Query, RowCursor},
};
use paneld_domain::Timestamp;
use tokio::task::consume_budget;
use uuid::Uuid;

pub(crate) use crate::sql::{
    ChartValues, Conditions, Dialect, Joined, Rows, Sql, Value, bucket_of, events_chosen,
    groups_chosen, in_window, matching, members_chosen, of_project, profiles_chosen,
    sessions_chosen, start, time,
};
use crate::{
    clickhouse::fault::Fault,
    wide::{MOST_BYTES, Wide},
};

/// The years that ClickHouse knows, in milliseconds: 1900 to 2299. What is beyond compares with all
/// of its moments as the nearest of these does.
const MOMENTS: RangeInclusive<i64> = -2_208_988_800_000..=10_413_791_999_999;

/// The text that stands for a value.
fn mark(value: &Value) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        Value::Time(_) => "fromUnixTimestamp64Milli(?, 'UTC')",
        Value::Date(_) => "toDate32(?)",
        _ => "?",
    })
}

fn bind(query: Query, value: &Value) -> Query {
    match value {
        Value::Text(text) => query.bind(text.as_str()),
        // As one value, not one by one: the client looks for the mark of each from the beginning.
        Value::Texts(texts) => query.bind(texts),
        Value::Integer(number) => query.bind(*number),
        Value::Count(count) => query.bind(*count),
        Value::Double(number) => query.bind(*number),
        Value::Boolean(is_so) => query.bind(*is_so),
        Value::Time(at) => query.bind((*at).clamp(*MOMENTS.start(), *MOMENTS.end())),
        Value::Date(day) => query.bind(day.to_string()),
    }
}

/// How ClickHouse is asked.
impl Sql {
    fn asked(&self, client: &Client) -> Query {
        let (text, values) = self.written(mark);
        // By this the server knows it, for as long as it is at it.
        let id = format!("paneld-{}", Uuid::new_v4());
        let query = client.query(&text).with_setting("query_id", id);
        values.iter().fold(query, bind)
    }

    /// Does something that has no answer.
    pub(crate) async fn execute(&self, client: &Client) -> Result<(), Fault> {
        Ok(self.asked(client).execute().await?)
    }

    /// All rows of an answer that is bounded by what was asked.
    pub(crate) async fn fetch<T: RowOwned + RowRead>(
        &self,
        client: &Client,
    ) -> Result<Vec<T>, Fault> {
        let mut cursor = self.cursor::<T>(client)?;
        let mut rows = Vec::new();
        while let Some(row) = next_row(&mut cursor).await? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// The one row of an answer.
    pub(crate) async fn fetch_one<T: RowOwned + RowRead>(
        &self,
        client: &Client,
    ) -> Result<T, Fault> {
        Ok(self.asked(client).fetch_one().await?)
    }

    /// The rows of an answer, one after the other.
    pub(crate) fn cursor<R: Row>(&self, client: &Client) -> Result<RowCursor<R>, Fault> {
        Ok(self.asked(client).fetch()?)
    }

    /// The rows of an answer that is told as it is. It is bounded in bytes: callers choose what is
    /// in a row, and how many they ask for.
    pub(crate) async fn fetch_wide<R, T>(&self, client: &Client) -> Result<Vec<T>, Fault>
    where
        R: Row + RowRead,
        T: Wide + for<'a> From<R::Value<'a>>,
    {
        let mut cursor = self.cursor::<R>(client)?;
        let (mut rows, mut left) = (Vec::new(), MOST_BYTES);
        while let Some(row) = next_row(&mut cursor).await? {
            let row = T::from(row);
            left = left.checked_sub(row.bytes()).ok_or(Fault::TooLarge)?;
            rows.push(row);
        }
        Ok(rows)
    }
}

/// The next row of an answer. In between, others have their turns on the event loop: thousands of
/// rows may have arrived.
pub(crate) async fn next_row<R: RowRead>(
    cursor: &mut RowCursor<R>,
) -> Result<Option<R::Value<'_>>, Fault> {
    consume_budget().await;
    Ok(cursor.next().await?)
}

/// A moment as it is written: what ClickHouse cannot say is the nearest that it can. The last of all
/// is left free, for the end of windows.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.timestamp_millis()
        .clamp(*MOMENTS.start(), MOMENTS.end() - 1)
}

/// A moment that was read in milliseconds.
pub(crate) fn moment(millis: i64) -> Timestamp {
    // ClickHouse knows only moments that this knows, too.
    Timestamp::from_timestamp_millis(millis).unwrap_or_default()
}
