//! Fills an event store that no server has open, for `cargo xtask bench`:
//! `fill FILE PROJECT_KEY COUNT`. The events are those of the last 30 days, five to a session and
//! five sessions to a person, on 500 pages. One session of 200 goes to one of the hundred
//! projects whose keys follow.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use duckdb::Connection;
use paneld_events::{EventStore, EventStoreSettings, EventsUrl};

/// Enough to make the tables.
const MEMORY: u64 = 128 << 20;

/// Sessions, and where and when they were. `$1` is the project, `$2` the present, `$3` how many
/// there are.
const VISITS: &str = "CREATE TEMP TABLE visits AS
    SELECT number, CASE WHEN number % 200 = 0 THEN $1 + 1 + number // 200 % 100 ELSE $1 END AS project,
        left(md5('s' || number), 22) AS session, md5('p' || hash(number) % ($3 // 5 + 1)) AS person,
        $2 - ($3 - number) * 30 * 86400000 // $3 AS began, 5000 + hash(number + 1) % 60000 AS pace,
        hash(number + 2) % 500 AS page1, hash(number + 3) % 500 AS page2,
        hash(number + 4) % 500 AS page3, (hash(number + 5) % 1000000)::BIGINT AS dice
    FROM range($3::BIGINT) AS numbers (number)";

const VISITORS: &str = "INSERT INTO visitors BY NAME
    SELECT project AS project_key, left(sha256(person), 32)::UUID AS digest,
        row_number() OVER (PARTITION BY project ORDER BY min(number)) AS number
    FROM visits GROUP BY project, person";

/// Each page with its title, and without.
const PAGES: &str = "INSERT INTO pages BY NAME
    SELECT project AS project_key,
        left(sha256(concat(strlen(origin), ' ', strlen(path), ' ', origin, path, title)), 32)::UUID
            AS digest,
        CASE WHEN title = '' THEN 501 ELSE 1 END + page AS number, 501 + page AS untitled,
        origin, path, title
    FROM (
        SELECT project, page, 'https://shop.example' AS origin, '/products/' || page AS path,
            unnest(['Product ' || page, '']) AS title
        FROM (SELECT DISTINCT project FROM visits), range(500) AS pages (page)
    )";

/// In the order of time, as they would have come.
const EVENTS: &str = "INSERT INTO events BY NAME
    SELECT project AS project_key, gen_random_uuid() AS id,
        CASE WHEN part = 0 THEN 'session_start' WHEN part < 4 THEN 'screen_view'
            WHEN dice % 50 = 0 THEN 'revenue' ELSE 'signup' END AS name,
        make_timestamp_ms((began + part * pace)::BIGINT) AS created_at,
        person AS device_id, person AS profile_id, session AS session_id, [] AS groups,
        '/products/' || page AS path, 'https://shop.example' AS origin,
        'https://www.google.com' AS referrer,
        ['Google', 'Bing', '', 'Hacker News'][1 + dice % 4] AS referrer_name,
        'search' AS referrer_type, CASE WHEN part = 4 AND dice % 50 = 0 THEN 1900 ELSE 0 END AS revenue,
        0 AS duration, MAP {'__title': 'Product ' || page, 'plan': ['pro', 'free'][1 + dice % 2]}
            AS properties,
        ['SE', 'US', 'DE', 'FR', 'GB', 'JP', 'IN', 'BR'][1 + dice % 8] AS country,
        'Region ' || dice % 50 AS region, 'City ' || dice % 300 AS city,
        ['Windows', 'macOS', 'iOS'][1 + dice % 3] AS os, '10' AS os_version,
        ['Chrome', 'Safari', 'Firefox'][1 + dice % 3] AS browser, '126.0' AS browser_version,
        ['desktop', 'mobile'][1 + dice % 2] AS device, '' AS brand, '' AS model,
        'web' AS sdk_name, '1.4.1' AS sdk_version, v.number AS visitor,
        CASE WHEN part BETWEEN 1 AND 3 THEN 1 + page ELSE 0 END AS page,
        part = 1 OR part = 2 AND page2 <> page1 OR part = 3 AND page3 NOT IN (page1, page2)
            AS is_first_view,
        CASE part WHEN 2 THEN 501 + page1 WHEN 3 THEN 501 + page2 ELSE 0 END AS previous_page,
        CASE WHEN part IN (2, 3) THEN pace ELSE 0 END AS previous_duration
    FROM (
        SELECT *, CASE WHEN part < 2 THEN page1 WHEN part = 2 THEN page2 ELSE page3 END AS page
        FROM (SELECT visits.*, part::INTEGER AS part FROM visits, range(5) AS parts (part))
    ) JOIN visitors v ON v.project_key = project AND v.digest = left(sha256(person), 32)::UUID
    ORDER BY began + part * pace";

const SESSIONS: &str = "INSERT INTO sessions BY NAME
    SELECT project AS project_key, session AS id, person AS device_id, person AS profile_id,
        [] AS groups, make_timestamp_ms(began::BIGINT) AS created_at,
        make_timestamp_ms((began + 4 * pace)::BIGINT) AS ended_at, dice % 3 = 0 AS is_bounce,
        '/products/' || page1 AS entry_path, 'https://shop.example' AS entry_origin,
        '/products/' || page3 AS exit_path, 'https://shop.example' AS exit_origin,
        3 AS screen_view_count, 1 AS event_count,
        CASE WHEN dice % 50 = 0 THEN 1900 ELSE 0 END AS revenue, 4 * pace AS duration,
        'https://www.google.com' AS referrer,
        ['Google', 'Bing', '', 'Hacker News'][1 + dice % 4] AS referrer_name,
        'search' AS referrer_type, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign,
        '' AS utm_content, '' AS utm_term,
        ['SE', 'US', 'DE', 'FR', 'GB', 'JP', 'IN', 'BR'][1 + dice % 8] AS country,
        'Region ' || dice % 50 AS region, 'City ' || dice % 300 AS city,
        ['Windows', 'macOS', 'iOS'][1 + dice % 3] AS os, '10' AS os_version,
        ['Chrome', 'Safari', 'Firefox'][1 + dice % 3] AS browser, '126.0' AS browser_version,
        ['desktop', 'mobile'][1 + dice % 2] AS device, '' AS brand, '' AS model,
        v.number AS visitor, 501 + page1 AS entry_page
    FROM visits JOIN visitors v
        ON v.project_key = project AND v.digest = left(sha256(person), 32)::UUID
    ORDER BY began";

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
    let store = EventStore::new(EventStoreSettings {
        url: EventsUrl::DuckDb(path.to_owned()),
        temp_dir: temp.clone(),
        memory: MEMORY,
        spools: Vec::new(),
        journal: PathBuf::new(),
    });
    if !store.is_up().await {
        return Err("the store cannot be opened".into());
    }
    store.close().await;
    std::fs::remove_dir_all(&temp)?;
    let connection = Connection::open(path)?;
    let now: i64 =
        connection.query_row("SELECT epoch_ms(now()::TIMESTAMP)", [], |row| row.get(0))?;
    connection.execute(VISITS, [project, now, count / 5])?;
    connection.execute(VISITORS, [])?;
    connection.execute(PAGES, [])?;
    connection.execute(EVENTS, [])?;
    connection.execute(SESSIONS, [])?;
    connection.execute_batch("CHECKPOINT")?;
    Ok(())
}
