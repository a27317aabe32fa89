//! SQL as DuckDB is asked it.

use std::{borrow::Cow, path::Path};

use duckdb::{
    Connection, Row,
    arrow::{datatypes::SchemaRef, record_batch::RecordBatch},
    params_from_iter,
    types::{self, TimeUnit},
};

pub(crate) use crate::sql::{
    ChartValues, Conditions, Dialect, Joined, Rows, Sql, Value, bucket_of, events_chosen,
    groups_chosen, in_window, matching, members_chosen, of_project, profiles_chosen,
    sessions_chosen, start, time,
};
use paneld_domain::Timestamp;

use crate::{
    duckdb::fault::Fault,
    wide::{MOST_BYTES, Wide},
};

/// A path as a text in SQL, for statements of DuckDB that take no values.
pub(crate) fn literal(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

/// The name of something in SQL.
pub(crate) fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A moment as a value to bind. The SQL casts it to `TIMESTAMP_MS`, the type of the columns:
/// otherwise each row's would be cast instead.
pub(crate) fn moment(moment: Timestamp) -> types::Value {
    millis(moment.timestamp_millis())
}

/// A time in milliseconds since 1970 as a value to bind.
pub(crate) fn millis(millis: i64) -> types::Value {
    types::Value::Timestamp(TimeUnit::Millisecond, millis)
}

/// The text that stands for a value. Moments are cast to the type of the columns: otherwise each
/// row's would be cast instead.
fn mark(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Texts(texts) => format!("({})", vec!["?"; texts.len()].join(", ")).into(),
        Value::Time(_) => "?::TIMESTAMP_MS".into(),
        Value::Date(_) => "?::DATE".into(),
        _ => "?".into(),
    }
}

/// The values of the marks of a value.
fn bound(value: &Value) -> Vec<types::Value> {
    let one = match value {
        Value::Texts(texts) => return texts.iter().cloned().map(types::Value::Text).collect(),
        Value::Text(text) => types::Value::Text(text.clone()),
        Value::Integer(number) => types::Value::BigInt(*number),
        Value::Count(count) => types::Value::UBigInt(*count),
        Value::Double(number) => types::Value::Double(*number),
        Value::Boolean(is_so) => types::Value::Boolean(*is_so),
        Value::Time(at) => millis(*at),
        Value::Date(day) => types::Value::Text(day.to_string()),
    };
    vec![one]
}

/// How DuckDB is asked.
impl Sql {
    /// The text and the values to bind.
    fn bound(&self) -> (String, Vec<types::Value>) {
        let (text, values) = self.written(mark);
        (text, values.iter().flat_map(bound).collect())
    }

    /// All rows of an answer.
    pub(crate) fn query<T>(
        &self,
        connection: &Connection,
        read: impl FnMut(&Row<'_>) -> duckdb::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let (text, values) = self.bound();
        let mut statement = connection.prepare(&text)?;
        let rows = statement.query_map(params_from_iter(&values), read)?;
        Ok(rows.collect::<duckdb::Result<_>>()?)
    }

    /// The rows of an answer that is told as it is. It is bounded in bytes: callers choose what is
    /// in a row, and how many they ask for.
    pub(crate) fn query_rows<T: Wide>(
        &self,
        connection: &Connection,
        read: impl FnMut(&Row<'_>) -> duckdb::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let (text, values) = self.bound();
        let mut statement = connection.prepare(&text)?;
        let (mut rows, mut left) = (Vec::new(), MOST_BYTES);
        for row in statement.query_map(params_from_iter(&values), read)? {
            let row = row?;
            left = left.checked_sub(row.bytes()).ok_or(Fault::TooLarge)?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// An answer in columns, part by part, as it is found. Never called, when it has no rows.
    pub(crate) fn stream(
        &self,
        connection: &Connection,
        mut each: impl FnMut(RecordBatch) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.stream_while(connection, |rows| each(rows).map(|()| true))
    }

    /// The same, as long as more is wanted.
    pub(crate) fn stream_while(
        &self,
        connection: &Connection,
        mut each: impl FnMut(RecordBatch) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let (text, values) = self.bound();
        let mut statement = connection.prepare(&text)?;
        // The iterator would panic when the query is interrupted.
        let _iterator = statement.stream_arrow(params_from_iter(&values))?;
        while let Some(rows) = statement.step()? {
            if !each(RecordBatch::from(&rows))? {
                break;
            }
        }
        Ok(())
    }

    /// The columns of an answer.
    pub(crate) fn schema(&self, connection: &Connection) -> Result<SchemaRef, Fault> {
        let (text, values) = self.bound();
        let mut statement = connection.prepare(&text)?;
        let _iterator = statement.stream_arrow(params_from_iter(&values))?;
        Ok(statement.schema())
    }

    /// The one row of an answer.
    pub(crate) fn query_row<T>(
        &self,
        connection: &Connection,
        read: impl FnOnce(&Row<'_>) -> duckdb::Result<T>,
    ) -> Result<T, Fault> {
        let (text, values) = self.bound();
        Ok(connection.query_row(&text, params_from_iter(&values), read)?)
    }
}

#[cfg(test)]
mod tests {
    use duckdb::Connection;
    use paneld_analytics::{Buckets, Interval, Window};
    use proptest::prelude::*;

    use super::*;

    fn bucket_in_sql(moment: Timestamp, buckets: &Buckets) -> usize {
        let connection = Connection::open_in_memory().unwrap();
        let sql = Sql::new("SELECT ")
            .add(bucket_of(Dialect::DuckDb, "m.at", buckets))
            .push(" FROM (SELECT ")
            .add(Sql::time(moment))
            .push(" AS at) AS m");
        sql.query_row(&connection, |row| row.get(0)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn sql_finds_the_same_of_many_buckets(
            start in 946_684_800_000_i64..1_800_000_000_000,
            years in 1_i64..28,
            part in 0.0..1.0_f64,
            interval in prop::sample::select(&Interval::ALL[3..]),
            zone in prop::sample::select(&["UTC", "America/New_York", "Pacific/Apia"][..]),
        ) {
            let at = |ms| Timestamp::from_timestamp_millis(ms).unwrap();
            let length = years * 366 * 86_400_000;
            let window = Window { start: at(start), end: at(start + length) };
            let buckets = Buckets::new(window, interval, zone.parse().unwrap()).unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "any moment inside will do")]
            let moment = at(start + (length as f64 * part) as i64);
            prop_assert_eq!(
                Some(bucket_in_sql(moment, &buckets)),
                buckets.bucket_of(moment)
            );
        }
    }

    proptest! {
        #[test]
        fn sql_finds_the_same_bucket(
            start in 1_760_000_000_000_i64..1_800_000_000_000,
            length in 1_i64..100 * 86_400_000,
            part in 0.0..1.0_f64,
            interval in prop::sample::select(&Interval::ALL[1..]),
            zone in prop::sample::select(&[
                "UTC", "Europe/Stockholm", "America/New_York", "Asia/Kathmandu",
                "Australia/Lord_Howe",
            ][..]),
        ) {
            let at = |ms| Timestamp::from_timestamp_millis(ms).unwrap();
            let window = Window { start: at(start), end: at(start + length) };
            let buckets = Buckets::new(window, interval, zone.parse().unwrap()).unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "any moment inside will do")]
            let moment = at(start + (length as f64 * part) as i64);
            prop_assert_eq!(
                Some(bucket_in_sql(moment, &buckets)),
                buckets.bucket_of(moment)
            );
        }
    }
}
