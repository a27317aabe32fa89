//! How the server is reached, and what every question to it says.

use std::time::Duration;

use clickhouse::{Client, Compression};

use crate::events_url::ClickHouseUrl;

/// About how much memory the server may use for one question, in bytes.
const MEMORY: u64 = 4 << 30;
/// Beyond this, what is grouped or sorted goes to the server's disk.
const MEMORY_BEFORE_DISK: u64 = 1 << 30;
/// How long SQL may be, in bytes: lists of values are part of it.
const LONGEST_SQL: u64 = 16 << 20;

/// The server, as everything is asked of it.
pub(crate) fn client(url: &ClickHouseUrl) -> Client {
    Client::default()
        .with_url(url.http())
        .with_user(url.user())
        .with_password(url.password())
        .with_database(url.database())
        .with_compression(Compression::None)
        .with_product_info("paneld", env!("CARGO_PKG_VERSION"))
        .with_setting("max_query_size", LONGEST_SQL.to_string())
}

/// The server, for one question that is given up after a time.
pub(crate) fn asking(client: &Client, time: Duration) -> Client {
    client
        .clone()
        .with_setting("readonly", "2")
        // The server ends what nobody waits for.
        .with_setting("cancel_http_readonly_queries_on_client_close", "1")
        .with_setting("max_execution_time", time.as_secs().max(1).to_string())
        .with_setting("max_memory_usage", MEMORY.to_string())
        .with_setting(
            "max_bytes_before_external_group_by",
            MEMORY_BEFORE_DISK.to_string(),
        )
        .with_setting(
            "max_bytes_before_external_sort",
            MEMORY_BEFORE_DISK.to_string(),
        )
        // What is not there is null, as in standard SQL.
        .with_setting("join_use_nulls", "1")
        // A number is the nearest one to its text.
        .with_setting("precise_float_parsing", "1")
        // An error in the middle of an answer breaks it off, and is no part of it.
        .with_setting("http_write_exception_in_output_format", "0")
}

/// The server, for what is written.
pub(crate) fn writing(client: &Client) -> Client {
    client
        .clone()
        .with_setting("async_insert", "0")
        .with_setting("insert_deduplicate", "1")
        // Rows are gone when the server says so.
        .with_setting("mutations_sync", "2")
}
