//! Where a catalog is.

use std::{path::PathBuf, str::FromStr};

use paneld_domain::InvalidValue;
use tokio_postgres::config::{Host, SslMode};

/// Where the catalog is: `sqlite:` and the path of a file, or the URL of a PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogUrl {
    /// A SQLite file at this path.
    Sqlite(PathBuf),
    /// A PostgreSQL database at this URL.
    Postgres(PostgresUrl),
}

impl FromStr for CatalogUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text.parse().map(Self::Postgres);
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if path.contains(":memory:") || path.starts_with("file:") => Err(
                InvalidValue::new("must be sqlite: and the plain path of a file"),
            ),
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err(InvalidValue::new(
                "must be sqlite: and the path of a file, such as \
                 sqlite:/var/lib/paneld/catalog.sqlite, or a URL such as \
                 postgres://user:password@host/database",
            )),
        }
    }
}

impl std::fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// The URL of a PostgreSQL database:
/// <https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING-URIS>. It is shown
/// without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(Box<tokio_postgres::Config>);

impl PostgresUrl {
    /// How to connect.
    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.0
    }

    /// Whether it demands TLS, with `sslmode=require`. Without, nothing is encrypted: what may
    /// be refused protects nobody.
    pub(crate) fn demands_tls(&self) -> bool {
        self.0.get_ssl_mode() == SslMode::Require
    }
}

impl FromStr for PostgresUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let config = text.parse::<tokio_postgres::Config>();
        // What is wrong with it may be a piece of the password.
        let config = config.map_err(|_quotes_the_url| {
            InvalidValue::new("must be a URL such as postgres://user:password@host/database")
        })?;
        Ok(Self(Box::new(config)))
    }
}

impl std::fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let config = &self.0;
        f.write_str("postgres://")?;
        if let Some(user) = config.get_user() {
            write!(f, "{user}@")?;
        }
        for (index, host) in config.get_hosts().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            let ports = config.get_ports();
            if let Some(port) = ports.get(index).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())
    }
}

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
