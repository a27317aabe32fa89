//! Fills an event store that no server has open, for `cargo xtask bench ingest --stored`:
//! `fill FILE PROJECT_KEY COUNT`. The events are those of many visitors in the last 90 days, ten
//! to a session.

use std::{error::Error, path::Path};

use duckdb::Connection;
use paneld_events::{EventStore, EventsUrl};

const EVENTS: &str = "INSERT INTO events (
        project_key, id, name, created_at, device_id, profile_id, session_id, groups,
        path, origin, referrer, referrer_name, referrer_type, revenue, duration, properties,
        country, region, city, longitude, latitude, os, os_version, browser, browser_version,
        device, brand, model, sdk_name, sdk_version, imported_at, title, is_first_view)
    SELECT $1, gen_random_uuid(),
        CASE number % 10 WHEN 0 THEN 'session_start' ELSE 'screen_view' END,
        make_timestamp_ms($2 - ($3 - number) * 90 * 86400000 // $3),
        md5((number // 10)::VARCHAR), md5((number // 10)::VARCHAR),
        left(md5((number // 10 + 1)::VARCHAR), 22), [],
        '/products/' || (number * 7919 % 997), 'https://shop.example',
        'https://www.google.com', 'Google', 'search', 0, 0,
        MAP {'__title': 'Product ' || (number * 7919 % 997), 'plan': 'pro',
            'position': (number % 10000)::VARCHAR, '__query.utm_source': 'news'},
        ['SE', 'US', 'DE', 'FR'][1 + number // 10 % 4], '', 'Somewhere', NULL, NULL,
        'Windows', '10', 'Chrome', '126.0.0.0', 'desktop', '', '', '', '', NULL,
        'Product ' || (number * 7919 % 997), CASE number % 10 WHEN 0 THEN FALSE END
    FROM range($3::BIGINT) AS numbers (number)";

const SESSIONS: &str = "INSERT INTO sessions
    SELECT $1, left(md5((number + 1)::VARCHAR), 22), md5(number::VARCHAR), md5(number::VARCHAR),
        [], make_timestamp_ms($2 - ($3 - number) * 90 * 86400000 // $3),
        make_timestamp_ms($2 - ($3 - number) * 90 * 86400000 // $3 + 600000), false,
        '/', 'https://shop.example', '/', 'https://shop.example', 9, 0, 0, 600000,
        'https://www.google.com', 'Google', 'search', 'news', '', '', '', '',
        'SE', '', 'Somewhere', NULL, NULL,
        'Windows', '10', 'Chrome', '126.0.0.0', 'desktop', '', ''
    FROM range($3::BIGINT) AS numbers (number)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [file, project, count] = arguments.as_slice() else {
        return Err("usage: fill FILE PROJECT_KEY COUNT".into());
    };
    let (project, count) = (project.parse::<i64>()?, count.parse::<i64>()?);
    let path = Path::new(file);
    // Makes the tables.
    let temp = path.with_extension("fill");
    let store = EventStore::new(&EventsUrl::DuckDb(path.to_owned()), &temp);
    if !store.is_up().await {
        return Err("the store cannot be opened".into());
    }
    store.close().await;
    std::fs::remove_dir_all(&temp)?;
    let connection = Connection::open(path)?;
    let now: i64 =
        connection.query_row("SELECT epoch_ms(now()::TIMESTAMP)", [], |row| row.get(0))?;
    connection.execute(EVENTS, [project, now, count])?;
    connection.execute(SESSIONS, [project, now, count / 10])?;
    connection.execute_batch("CHECKPOINT")?;
    Ok(())
}
