//! Rows read back.

use std::{error::Error, fmt::Display};

use duckdb::{
    Row,
    types::{FromSql, Type, Value},
};
use paneld_domain::{Agent, Event, Group, Place, Profile, Referrer, Sdk, Session, Timestamp, Utm};

/// The columns that [`event`] reads.
pub(crate) const EVENT: &str = "id::VARCHAR, name, device_id, profile_id, session_id, groups, \
    path, origin, referrer, referrer_name, referrer_type, revenue, duration, properties, \
    epoch_ms(created_at), country, region, city, longitude, latitude, os, os_version, browser, \
    browser_version, device, brand, model, sdk_name, sdk_version, epoch_ms(imported_at), \
    overflow";

/// The columns that [`session`] reads.
pub(crate) const SESSION: &str = "id, device_id, profile_id, groups, epoch_ms(created_at), \
    epoch_ms(ended_at), entry_path, entry_origin, exit_path, exit_origin, screen_view_count, \
    event_count, revenue, referrer, referrer_name, referrer_type, utm_source, utm_medium, \
    utm_campaign, utm_content, utm_term, country, region, city, longitude, latitude, os, \
    os_version, browser, browser_version, device, brand, model";

/// The columns that [`profile`] reads.
pub(crate) const PROFILE: &str = "id, first_name, last_name, email, avatar, properties, groups, \
    epoch_ms(created_at), epoch_ms(last_seen_at), left_out, overflow";

/// The columns that [`group`] reads.
pub(crate) const GROUP: &str =
    "id, type, name, properties, epoch_ms(created_at), epoch_ms(updated_at), left_out, overflow";

/// A row as it was read.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    pub(crate) row: T,
    /// What it says of its overflow; 0 when there is none.
    pub(crate) overflow: u64,
}

/// The event of a row with the columns [`EVENT`].
pub(crate) fn event(row: &Row<'_>) -> duckdb::Result<Stored<Event>> {
    let mut columns = Columns { row, next: 0 };
    // Fields are read in the order in which they are written here.
    let event = Event {
        id: columns.parsed()?,
        name: columns.take()?,
        device_id: columns.take()?,
        profile_id: columns.take()?,
        session_id: columns.take()?,
        groups: columns.texts()?,
        path: columns.take()?,
        origin: columns.take()?,
        referrer: columns.referrer()?,
        revenue: columns.take()?,
        duration_ms: columns.take()?,
        properties: columns.pairs()?,
        created_at: columns.time()?,
        place: columns.place()?,
        agent: columns.agent()?,
        sdk: Sdk {
            name: columns.take()?,
            version: columns.take()?,
        },
        imported_at: columns.time_if_any()?,
    };
    columns.stored(event)
}

/// The session of a row with the columns [`SESSION`].
pub(crate) fn session(row: &Row<'_>) -> duckdb::Result<Session> {
    let mut columns = Columns { row, next: 0 };
    Ok(Session {
        id: columns.take()?,
        device_id: columns.take()?,
        profile_id: columns.take()?,
        groups: columns.texts()?,
        created_at: columns.time()?,
        ended_at: columns.time()?,
        entry_path: columns.take()?,
        entry_origin: columns.take()?,
        exit_path: columns.take()?,
        exit_origin: columns.take()?,
        screen_view_count: columns.take()?,
        event_count: columns.take()?,
        revenue: columns.take()?,
        referrer: columns.referrer()?,
        utm: Utm {
            source: columns.take()?,
            medium: columns.take()?,
            campaign: columns.take()?,
            content: columns.take()?,
            term: columns.take()?,
        },
        place: columns.place()?,
        agent: columns.agent()?,
    })
}

/// The profile of a row with the columns [`PROFILE`].
pub(crate) fn profile(row: &Row<'_>) -> duckdb::Result<Stored<Profile>> {
    let mut columns = Columns { row, next: 0 };
    let profile = Profile {
        id: columns.take()?,
        first_name: columns.take()?,
        last_name: columns.take()?,
        email: columns.take()?,
        avatar: columns.take()?,
        properties: columns.pairs()?,
        groups: columns.texts()?,
        created_at: columns.time()?,
        last_seen_at: columns.time()?,
        left_out: columns.take()?,
    };
    columns.stored(profile)
}

/// The group of a row with the columns [`GROUP`].
pub(crate) fn group(row: &Row<'_>) -> duckdb::Result<Stored<Group>> {
    let mut columns = Columns { row, next: 0 };
    let group = Group {
        id: columns.take()?,
        kind: columns.take()?,
        name: columns.take()?,
        properties: columns.pairs()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        left_out: columns.take()?,
    };
    columns.stored(group)
}

/// The columns of a row, one after the other.
struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl Columns<'_> {
    /// A row whose other columns were read.
    fn stored<T>(&mut self, row: T) -> duckdb::Result<Stored<T>> {
        let overflow = self.take()?;
        Ok(Stored { row, overflow })
    }

    fn take<T: FromSql>(&mut self) -> duckdb::Result<T> {
        let value = self.row.get(self.next);
        self.next += 1;
        value
    }

    /// A value of which DuckDB made a text.
    fn parsed<T>(&mut self) -> duckdb::Result<T>
    where
        T: std::str::FromStr<Err: Error + Send + Sync + 'static>,
    {
        let text: String = self.take()?;
        text.parse().map_err(|error| self.unreadable(error))
    }

    fn time(&mut self) -> duckdb::Result<Timestamp> {
        let millis = self.take()?;
        self.moment(millis)
    }

    fn time_if_any(&mut self) -> duckdb::Result<Option<Timestamp>> {
        let millis: Option<i64> = self.take()?;
        millis.map(|millis| self.moment(millis)).transpose()
    }

    fn moment(&self, millis: i64) -> duckdb::Result<Timestamp> {
        Timestamp::from_timestamp_millis(millis)
            .ok_or_else(|| self.unreadable(format!("{millis} ms is no time")))
    }

    /// A list of texts.
    fn texts<L: FromIterator<String>>(&mut self) -> duckdb::Result<L> {
        match self.take()? {
            Value::List(texts) => texts.into_iter().map(|text| self.text(text)).collect(),
            other => Err(self.unreadable(format!("{other:?} is no list"))),
        }
    }

    /// A map of texts to texts.
    fn pairs<M: FromIterator<(String, String)>>(&mut self) -> duckdb::Result<M> {
        match self.take()? {
            Value::Map(pairs) => {
                let pairs = pairs.iter().cloned();
                pairs
                    .map(|(name, value)| Ok((self.text(name)?, self.text(value)?)))
                    .collect()
            }
            other => Err(self.unreadable(format!("{other:?} is no map"))),
        }
    }

    fn text(&self, value: Value) -> duckdb::Result<String> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(self.unreadable(format!("{other:?} is no text"))),
        }
    }

    /// That the column before cannot be read.
    fn unreadable(&self, why: impl Display) -> duckdb::Error {
        let column = self.next - 1;
        duckdb::Error::FromSqlConversionFailure(column, Type::Any, why.to_string().into())
    }

    fn referrer(&mut self) -> duckdb::Result<Referrer> {
        Ok(Referrer {
            url: self.take()?,
            name: self.take()?,
            kind: self.take()?,
        })
    }

    fn place(&mut self) -> duckdb::Result<Place> {
        Ok(Place {
            country: self.take()?,
            region: self.take()?,
            city: self.take()?,
            longitude: self.take()?,
            latitude: self.take()?,
        })
    }

    fn agent(&mut self) -> duckdb::Result<Agent> {
        Ok(Agent {
            os: self.take()?,
            os_version: self.take()?,
            browser: self.take()?,
            browser_version: self.take()?,
            device: self.take()?,
            brand: self.take()?,
            model: self.take()?,
        })
    }
}
