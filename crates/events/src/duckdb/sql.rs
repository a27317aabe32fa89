//! SQL in the making: text, and the values of its question marks in their order.

use std::path::Path;

use duckdb::{
    Connection, Row,
    arrow::{datatypes::SchemaRef, record_batch::RecordBatch},
    params_from_iter,
    types::{TimeUnit, Value},
};
use paneld_analytics::Window;
use paneld_domain::{ProjectKey, Timestamp};

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

/// A time as a value to bind. The SQL casts it to `TIMESTAMP_MS`, the type of the columns:
/// otherwise each row's time would be cast instead.
pub(crate) fn time(time: Timestamp) -> Value {
    millis(time.timestamp_millis())
}

/// A time in milliseconds since 1970 as a value to bind.
pub(crate) fn millis(millis: i64) -> Value {
    Value::Timestamp(TimeUnit::Millisecond, millis)
}

/// A piece of SQL. Whatever callers say is a value of it, never part of its text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// SQL without values.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            values: Vec::new(),
        }
    }

    /// SQL with the values of its question marks.
    pub(crate) fn with(text: &str, values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            text: text.to_owned(),
            values: values.into_iter().collect(),
        }
    }

    /// A text as a value.
    pub(crate) fn text(value: &str) -> Self {
        Self::with("?", [Value::Text(value.to_owned())])
    }

    /// A moment as a value, of the type that the columns have.
    pub(crate) fn time(moment: Timestamp) -> Self {
        Self::with("?::TIMESTAMP_MS", [time(moment)])
    }

    /// A count as a value.
    pub(crate) fn count(count: u64) -> Self {
        Self::with("?", [Value::UBigInt(count)])
    }

    /// A whole number as a value.
    pub(crate) fn number(number: i64) -> Self {
        Self::with("?", [Value::BigInt(number)])
    }

    /// This, and more SQL.
    pub(crate) fn push(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    /// This, and another piece.
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.text += &other.text;
        self.values.extend(other.values);
        self
    }

    /// Pieces with something between them.
    pub(crate) fn join(pieces: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut joined = Self::default();
        for (place, piece) in pieces.into_iter().enumerate() {
            joined = joined
                .push(if place == 0 { "" } else { between })
                .add(piece);
        }
        joined
    }

    /// One of several, in brackets; never, when there are none.
    pub(crate) fn any(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self::joined_in_brackets(pieces, " OR ", "FALSE")
    }

    /// All of several, in brackets; always, when there are none.
    pub(crate) fn all(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self::joined_in_brackets(pieces, " AND ", "TRUE")
    }

    fn joined_in_brackets(
        pieces: impl IntoIterator<Item = Self>,
        between: &str,
        nothing: &str,
    ) -> Self {
        let joined = Self::join(pieces, between);
        if joined.text.is_empty() {
            return Self::new(nothing);
        }
        Self::new("(").add(joined).push(")")
    }

    /// The opposite.
    pub(crate) fn not(self) -> Self {
        Self::new("(NOT ").add(self).push(")")
    }

    /// That something is one of these texts.
    pub(crate) fn among<'a>(self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let list = Self::join(texts.into_iter().map(Self::text), ", ");
        self.push(" IN (").add(list).push(")")
    }

    /// All rows of an answer.
    pub(crate) fn query<T>(
        &self,
        connection: &Connection,
        read: impl FnMut(&Row<'_>) -> duckdb::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = connection.prepare(&self.text)?;
        let rows = statement.query_map(params_from_iter(&self.values), read)?;
        Ok(rows.collect::<duckdb::Result<_>>()?)
    }

    /// The rows of an answer that is told as it is. It is bounded in bytes: callers choose what is
    /// in a row, and how many they ask for.
    pub(crate) fn query_rows<T: Wide>(
        &self,
        connection: &Connection,
        read: impl FnMut(&Row<'_>) -> duckdb::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = connection.prepare(&self.text)?;
        let (mut rows, mut left) = (Vec::new(), MOST_BYTES);
        for row in statement.query_map(params_from_iter(&self.values), read)? {
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
        let mut statement = connection.prepare(&self.text)?;
        // The iterator would panic when the query is interrupted.
        let _iterator = statement.stream_arrow(params_from_iter(&self.values))?;
        while let Some(rows) = statement.step()? {
            if !each(RecordBatch::from(&rows))? {
                break;
            }
        }
        Ok(())
    }

    /// The columns of an answer.
    pub(crate) fn schema(&self, connection: &Connection) -> Result<SchemaRef, Fault> {
        let mut statement = connection.prepare(&self.text)?;
        let _iterator = statement.stream_arrow(params_from_iter(&self.values))?;
        Ok(statement.schema())
    }

    /// The one row of an answer.
    pub(crate) fn query_row<T>(
        &self,
        connection: &Connection,
        read: impl FnOnce(&Row<'_>) -> duckdb::Result<T>,
    ) -> Result<T, Fault> {
        Ok(connection.query_row(&self.text, params_from_iter(&self.values), read)?)
    }
}

/// That a row belongs to a project.
pub(crate) fn of_project(alias: &str, project: ProjectKey) -> Sql {
    Sql::with(
        &format!("{alias}.project_key = ?"),
        [Value::BigInt(project.0)],
    )
}

/// That a row was made in a window.
pub(crate) fn in_window(alias: &str, window: Window) -> Sql {
    Sql::new(&format!("({alias}.created_at >= "))
        .add(Sql::time(window.start))
        .push(&format!(" AND {alias}.created_at < "))
        .add(Sql::time(window.end))
        .push(")")
}

/// That a property is this. One that is missing is an empty text.
pub(crate) fn property(map: &str, key: &str, value: &str) -> Sql {
    Sql::new(&format!("coalesce({map}["))
        .add(Sql::text(key))
        .push("], '') = ")
        .add(Sql::text(value))
}
