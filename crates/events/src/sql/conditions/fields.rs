//! Where the tables have what filters are about.

use paneld_analytics::{Column, Field, GroupColumn, ProfileColumn, PropertyKey, SessionFact};

use crate::sql::{Dialect, Sql, Value};

/// Which rows conditions are about; each has its own alias in the SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Events, as `e`.
    Events,
    /// Sessions, as `s`.
    Sessions,
}

impl Rows {
    fn alias(self) -> &'static str {
        match self {
            Self::Events => "e",
            Self::Sessions => "s",
        }
    }
}

/// Something that can be compared: as a text, and by nature.
#[derive(Debug, Clone)]
pub(crate) struct Operand {
    /// As the text that it is for filters, never null.
    pub(super) text: Sql,
    /// The column itself, where it is no text.
    pub(super) nature: Nature,
}

/// What a column is, but a text.
#[derive(Debug, Clone)]
pub(super) enum Nature {
    Text,
    /// A number, which may be null.
    Number(Sql),
    /// A moment, which may be null.
    Moment(Sql),
}

/// What a filter is about.
pub(crate) enum Subject {
    /// One value of the row.
    One(Operand),
    /// A text that all rows have: that of the project's id, when there is none here.
    Known(Option<&'static str>),
    /// The values of a map, as far as their entries `x` are such.
    Values { of_each: Sql, among: String },
    /// The ids in a list.
    GroupIds { among: String },
    /// The rows `g` of groups whose ids are in a list.
    Groups { among: String, value: Operand },
    /// The row `p` of the profile with this id.
    Profile { id: String, value: Operand },
    /// The row `s2` of the session with this id.
    Session { id: String, value: Operand },
    /// The names of the events of the session with this id.
    Performed { id: String },
}

/// A text that is never null.
pub(crate) fn plain(column: &str) -> Operand {
    text(Sql::new(column))
}

fn text(text: Sql) -> Operand {
    Operand {
        text,
        nature: Nature::Text,
    }
}

/// A number, as short as it can be as a text.
fn number(dialect: Dialect, column: &str) -> Operand {
    Operand {
        text: Sql::new(&dialect.number_text(column)),
        nature: Nature::Number(Sql::new(column)),
    }
}

fn moment(dialect: Dialect, column: &str) -> Operand {
    Operand {
        text: Sql::new(&dialect.moment_text(column)),
        nature: Nature::Moment(Sql::new(column)),
    }
}

/// A property; what is not there is an empty text.
pub(super) fn property(map: &str, key: &str) -> Operand {
    let value = Sql::with(
        &format!("coalesce({map}[?], '')"),
        [Value::Text(key.to_owned())],
    );
    text(value)
}

impl Subject {
    pub(super) fn of(dialect: Dialect, field: &Field, rows: Rows) -> Self {
        let alias = rows.alias();
        match field {
            Field::Column(Column::ProjectId) => Self::Known(None),
            Field::Column(column) => Self::One(column_of(dialect, *column, rows)),
            Field::Utm(tag) => Self::One(match rows {
                Rows::Events => property("e.properties", &tag.property()),
                Rows::Sessions => plain(&format!("s.{}", tag.name())),
            }),
            Field::Property(PropertyKey::Exact(key)) => Self::One(property("e.properties", key)),
            Field::Property(PropertyKey::Pattern { prefix, suffix }) => Self::Values {
                of_each: alike(dialect, prefix, suffix),
                among: "e.properties".to_owned(),
            },
            Field::HasProfile => Self::One(plain(&has_profile(alias))),
            Field::Profile(ProfileColumn::IsExternal) => Self::Profile {
                id: format!("{alias}.profile_id"),
                // Who is not identified has no row.
                value: plain("'true'"),
            },
            Field::Profile(column) => Self::Profile {
                id: format!("{alias}.profile_id"),
                value: profile_column(dialect, *column),
            },
            Field::ProfileProperty(key) => Self::Profile {
                id: format!("{alias}.profile_id"),
                value: property("p.properties", key),
            },
            Field::Group(GroupColumn::Id) => Self::GroupIds {
                among: format!("{alias}.groups"),
            },
            Field::Group(column) => Self::Groups {
                among: format!("{alias}.groups"),
                value: plain(&format!("g.{}", column.name())),
            },
            Field::GroupProperty(key) => Self::Groups {
                among: format!("{alias}.groups"),
                value: property("g.properties", key),
            },
            Field::Session(SessionFact::PerformedEvent) => Self::Performed {
                id: match rows {
                    Rows::Events => "e.session_id".to_owned(),
                    Rows::Sessions => "s.id".to_owned(),
                },
            },
            Field::Session(fact) => match rows {
                Rows::Events => Self::Session {
                    id: "e.session_id".to_owned(),
                    value: session_fact(dialect, *fact, "s2"),
                },
                Rows::Sessions => Self::One(session_fact(dialect, *fact, "s")),
            },
        }
    }
}

/// Whether somebody is identified, as a text.
pub(crate) fn has_profile(alias: &str) -> String {
    format!(
        "CASE WHEN {alias}.profile_id <> {alias}.device_id AND {alias}.profile_id <> '' \
         THEN 'true' ELSE 'false' END"
    )
}

/// That the entry `x` of a map has a key that begins and ends like this.
fn alike(dialect: Dialect, prefix: &str, suffix: &str) -> Sql {
    let key = dialect.entry_key();
    let length = prefix.chars().count() + suffix.chars().count();
    let length = Value::Count(u64::try_from(length).unwrap_or(u64::MAX));
    Sql::all([
        dialect.starts_with(&Sql::new(key), prefix),
        dialect.ends_with(&Sql::new(key), suffix),
        Sql::with(&format!("{} >= ?", dialect.length(key)), [length]),
    ])
}

fn column_of(dialect: Dialect, column: Column, rows: Rows) -> Operand {
    let name = column.name();
    let alias = rows.alias();
    match column {
        Column::Id if rows == Rows::Events => plain(&dialect.id_text("e.id")),
        Column::Path if rows == Rows::Sessions => plain("s.entry_path"),
        Column::Origin if rows == Rows::Sessions => plain("s.entry_origin"),
        Column::SessionId if rows == Rows::Sessions => plain("s.id"),
        Column::Duration | Column::Revenue => number(dialect, &format!("{alias}.{name}")),
        // They are single floats; as doubles they would not be the numbers that they are printed
        // as.
        Column::Longitude | Column::Latitude => Operand {
            nature: Nature::Number(Sql::new(&dialect.to_text(&format!("{alias}.{name}")))),
            ..number(dialect, &format!("{alias}.{name}"))
        },
        Column::CreatedAt | Column::ImportedAt => moment(dialect, &format!("{alias}.{name}")),
        _ => plain(&format!("{alias}.{name}")),
    }
}

pub(super) fn profile_column(dialect: Dialect, column: ProfileColumn) -> Operand {
    let name = format!("p.{}", column.name());
    match column {
        ProfileColumn::CreatedAt | ProfileColumn::LastSeenAt => moment(dialect, &name),
        _ => plain(&name),
    }
}

fn session_fact(dialect: Dialect, fact: SessionFact, alias: &str) -> Operand {
    let name = format!("{alias}.{}", fact.name());
    match fact {
        SessionFact::IsBounce => plain(&dialect.to_text(&name)),
        _ => number(dialect, &name),
    }
}
