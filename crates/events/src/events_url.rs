//! Where the event store is.

use std::{path::PathBuf, str::FromStr};

use paneld_domain::InvalidValue;
use url::Url;

/// Where events are kept: `duckdb:` and the path of a file, or a database in ClickHouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsUrl {
    /// A DuckDB file.
    DuckDb(PathBuf),
    /// A database on a ClickHouse server, which is reached over HTTP or HTTPS.
    ClickHouse(ClickHouseUrl),
}

const WRONG: &str = "must be duckdb: and the path of a file, such as \
    duckdb:/var/lib/paneld/events.duckdb, or a database in ClickHouse, such as \
    clickhouse://user:password@host:8123/paneld";

impl FromStr for EventsUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            // DuckDB takes some texts for something else than the path of a file.
            Some(("duckdb", path)) if path.contains(":memory:") || path.contains("://") => Err(
                InvalidValue::new("must be duckdb: and the plain path of a file"),
            ),
            Some(("duckdb", path)) if !path.is_empty() => Ok(Self::DuckDb(PathBuf::from(path))),
            Some(("clickhouse" | "clickhouses", _)) => text.parse().map(Self::ClickHouse),
            _ => Err(InvalidValue::new(WRONG)),
        }
    }
}

impl std::fmt::Display for EventsUrl {
    /// As it may be shown: without a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DuckDb(path) => write!(f, "duckdb:{}", path.display()),
            Self::ClickHouse(url) => url.fmt(f),
        }
    }
}

/// A database in ClickHouse: `clickhouse://user:password@host:8123/database`, over HTTP; or
/// `clickhouses://…:8443/…`, over HTTPS.
#[derive(Clone, PartialEq, Eq)]
pub struct ClickHouseUrl {
    is_secure: bool,
    user: String,
    password: String,
    /// Name or address, and port.
    address: String,
    database: String,
}

impl ClickHouseUrl {
    /// The URL of its HTTP interface.
    pub(crate) fn http(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Who asks.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// How the user proves it; may be empty.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// The name of the database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }
}

/// What is in a part of a URL.
fn decoded(part: &str) -> Result<String, InvalidValue> {
    let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
    let decoded = decoded.map_err(|_not_utf8| InvalidValue::new("must be UTF-8"))?;
    Ok(decoded.into_owned())
}

impl FromStr for ClickHouseUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_not_one| InvalidValue::new(WRONG))?;
        let is_secure = url.scheme() == "clickhouses";
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(InvalidValue::new(WRONG))?;
        let port = url.port().unwrap_or(if is_secure { 8443 } else { 8123 });
        let database = decoded(url.path().trim_start_matches('/'))?;
        if database.is_empty() || database.contains('/') {
            return Err(InvalidValue::new(
                "must name a database, such as clickhouse://host:8123/paneld",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidValue::new("must end with the name of a database"));
        }
        let user = decoded(url.username())?;
        Ok(Self {
            is_secure,
            user: if user.is_empty() {
                "default".to_owned()
            } else {
                user
            },
            password: decoded(url.password().unwrap_or_default())?,
            address: format!("{host}:{port}"),
            database,
        })
    }
}

impl std::fmt::Display for ClickHouseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_secure {
            "clickhouses"
        } else {
            "clickhouse"
        };
        let Self {
            user,
            address,
            database,
            ..
        } = self;
        write!(f, "{scheme}://{user}@{address}/{database}")
    }
}

impl std::fmt::Debug for ClickHouseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClickHouseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_the_path_of_a_file() {
        for text in ["duckdb:/a/events.duckdb", "duckdb:events.duckdb"] {
            let url: EventsUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn or_a_database_whose_password_is_not_shown() {
        for (text, http, shown) in [
            (
                "clickhouse://paneld:p%40ss@[::1]:9999/events",
                "http://[::1]:9999",
                "clickhouse://paneld@[::1]:9999/events",
            ),
            (
                "clickhouses://host/events",
                "https://host:8443",
                "clickhouses://default@host:8443/events",
            ),
        ] {
            let url: ClickHouseUrl = text.parse().unwrap();
            assert_eq!(
                (url.http().as_str(), url.to_string().as_str()),
                (http, shown)
            );
            assert!(!format!("{url:?}").contains("p@ss"));
        }
        let url: ClickHouseUrl = "clickhouse://u:p%40ss@host/e".parse().unwrap();
        assert_eq!(url.password(), "p@ss");
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "events.duckdb",
            "duckdb:",
            "duckdb::memory:",
            "duckdb:s3://bucket/events.duckdb",
            "sqlite:events.duckdb",
            "clickhouse:",
            "clickhouse://",
            "clickhouse://host",
            "clickhouse://host/",
            "clickhouse://host/a/b",
            "clickhouse://host/a?secure=1",
        ] {
            assert!(text.parse::<EventsUrl>().is_err(), "{text}");
        }
    }
}
