//! What an earlier version left is as if this one had written it.

use paneld_domain::{PreviousView, View};
use paneld_events::StoreChange;

use crate::fixtures::*;

/// The tables before people and pages had numbers.
const VERSION_3: &str = concat!(
    include_str!("../../../../../migrations/duckdb/0001_events.sql"),
    include_str!("../../../../../migrations/duckdb/0002_people.sql"),
    include_str!("../../../../../migrations/duckdb/0003_views.sql"),
    "CREATE TABLE schema_version (version UBIGINT NOT NULL);
    INSERT INTO schema_version VALUES (1), (2), (3);",
);

/// Takes rows of a newer file over.
const TAKE_OVER: &str = "
    INSERT INTO events BY NAME
    SELECT e.* EXCLUDE (visitor, page, previous_page, overflow),
        coalesce(e.properties['__title'], '') AS title,
        coalesce(p.origin, '') AS previous_origin, coalesce(p.path, '') AS previous_path
    FROM newer.events e LEFT JOIN newer.pages p
        ON p.project_key = e.project_key AND p.number = e.previous_page;
    INSERT INTO sessions BY NAME SELECT * EXCLUDE (visitor, entry_page) FROM newer.sessions;
    UPDATE applied SET position = 1;";

const ROWS: &str = "SELECT e.* EXCLUDE (visitor, page, previous_page), p.path AS path_before
    FROM events e LEFT JOIN pages p
        ON p.project_key = e.project_key AND p.number = e.previous_page";

#[tokio::test]
async fn people_and_pages_get_their_numbers() {
    let (newer, older) = (File::new(), File::new());
    let store = newer.store();
    let view = |number: u128, path: &str, before: Option<&str>| {
        let second = i64::try_from(number).unwrap();
        let mut event = event(number, "d", "ann", second);
        event.session_id = "s".into();
        event.path = path.into();
        event.properties = [("__title".into(), format!("Title of {path}"))].into();
        let previous = before.map(|path| PreviousView {
            origin: String::new(),
            path: path.into(),
            duration_ms: 1000,
        });
        let is_first = true;
        StoreChange::View(Box::new(event), View { is_first, previous })
    };
    let mut signup = event(4, "", "", 4);
    (signup.name, signup.path) = ("signup".into(), "/b".into());
    let mut visit = session("s", "d", "ann", 1);
    visit.entry_path = "/a".into();
    let changes = [
        view(1, "/a", None),
        view(2, "/b", Some("/a")),
        of_event(signup),
        of_event(full_event()),
        of_session(visit),
        of_session(full_session()),
    ];
    store.apply(batch(1, changes)).await.unwrap();
    store.close().await;

    older.run(&format!(
        "{VERSION_3} ATTACH '{}' AS newer; {TAKE_OVER}",
        newer.path().display()
    ));
    let store = older.store();
    assert_eq!(store.applied_position().await.unwrap(), 1);
    store.close().await;
    assert_eq!(older.ask(ROWS), newer.ask(ROWS));
    assert_eq!(older.wrong_numbers(), Vec::<String>::new());
    let sessions = "SELECT * EXCLUDE (visitor, entry_page) FROM sessions";
    assert_eq!(older.ask(sessions), newer.ask(sessions));

    // What is known keeps its numbers, and what is new gets others.
    let store = older.store();
    let changes = [view(5, "/b", Some("/b")), view(6, "/c", Some("/b"))];
    store.apply(batch(2, changes)).await.unwrap();
    store.close().await;
    assert_eq!(older.wrong_numbers(), Vec::<String>::new());
    let twice = "SELECT origin, path, title FROM pages
        GROUP BY project_key, origin, path, title HAVING count(*) > 1";
    assert_eq!(older.ask(twice), Vec::<String>::new());
}
