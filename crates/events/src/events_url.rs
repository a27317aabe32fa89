//! Where the event store is.

use std::{path::PathBuf, str::FromStr};

use paneld_domain::InvalidValue;

/// Where events are kept: `duckdb:` and the path of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsUrl {
    /// A DuckDB file.
    DuckDb(PathBuf),
}

impl FromStr for EventsUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("duckdb:") {
            // DuckDB takes some texts for something else than the path of a file.
            Some(path) if path.contains(":memory:") || path.contains("://") => Err(
                InvalidValue::new("must be duckdb: and the plain path of a file"),
            ),
            Some(path) if !path.is_empty() => Ok(Self::DuckDb(PathBuf::from(path))),
            _ => Err(InvalidValue::new(
                "must be duckdb: and the path of a file, such as \
                 duckdb:/var/lib/paneld/events.duckdb",
            )),
        }
    }
}

impl std::fmt::Display for EventsUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DuckDb(path) => write!(f, "duckdb:{}", path.display()),
        }
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
    fn what_is_no_path_of_a_file_is_refused() {
        for text in [
            "",
            "events.duckdb",
            "duckdb:",
            "duckdb::memory:",
            "duckdb:s3://bucket/events.duckdb",
            "sqlite:events.duckdb",
        ] {
            assert!(text.parse::<EventsUrl>().is_err(), "{text}");
        }
    }
}
