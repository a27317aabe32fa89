//! How changes are cut into batches makes no difference.

use paneld_events::Batch;
use proptest::prelude::*;

use crate::{
    fixtures::*,
    model::{Model, change, project},
};

/// The rows of the store in the words of the model.
const ROWS: &str = "
    SELECT concat_ws(' ', 'event', project_key, id, epoch_ms(created_at), device_id, profile_id,
        session_id) FROM events
    UNION ALL SELECT concat_ws(' ', 'session', project_key, id, epoch_ms(created_at), device_id,
        profile_id, city, entry_path, exit_path, exit_origin, epoch_ms(ended_at), duration,
        is_bounce, screen_view_count, event_count, revenue) FROM sessions
    UNION ALL SELECT concat_ws(' ', 'bot', project_key, id, epoch_ms(created_at)) FROM bot_visits
    UNION ALL SELECT concat_ws(' ', 'chunk', project_key, session_id, epoch_ms(started_at),
        chunk_index) FROM replay_chunks";

/// What is not as it should be among numbers: rows that have another one than what they are about,
/// numbers that two have, and numbers that nothing has.
pub(crate) const WRONG_NUMBERS: &str = "
    WITH numbered AS (
        SELECT project_key, profile_id, visitor FROM events
        UNION ALL SELECT project_key, profile_id, visitor FROM sessions
    ), viewed AS (
        SELECT project_key, origin, path,
            CASE WHEN name = 'screen_view' THEN coalesce(properties['__title'], '') END AS title,
            page
        FROM events
        UNION ALL SELECT project_key, entry_origin, entry_path, '', entry_page FROM sessions
    )
    SELECT 'visitor of ' || profile_id FROM numbered n LEFT JOIN visitors v
        ON v.project_key = n.project_key AND v.number = n.visitor
        WHERE CASE profile_id WHEN '' THEN visitor <> 0
            ELSE v.digest IS DISTINCT FROM left(sha256(profile_id), 32)::UUID END
    UNION ALL SELECT 'page ' || n.path FROM viewed n LEFT JOIN pages p
        ON p.project_key = n.project_key AND p.number = n.page
        WHERE CASE WHEN n.path = '' OR n.title IS NULL THEN page <> 0
            ELSE (p.origin, p.path, p.title) IS DISTINCT FROM (n.origin, n.path, n.title) END
    UNION ALL SELECT 'page without itself ' || p.path FROM pages p LEFT JOIN pages u
        ON u.project_key = p.project_key AND u.number = p.untitled
        WHERE (u.origin, u.path, u.title) IS DISTINCT FROM (p.origin, p.path, '')
    UNION ALL SELECT 'twice ' || number FROM visitors GROUP BY project_key, number
        HAVING count(*) > 1
    UNION ALL SELECT 'twice ' || number FROM pages GROUP BY project_key, number
        HAVING count(*) > 1";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_changes_are_cut_into_batches_the_rows_are_those_of_the_model(
        changes in prop::collection::vec((project(), change()), 0..120),
        sizes in prop::collection::vec(1..40usize, 120),
    ) {
        let folder = Folder::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = folder.store();
            let mut rest = &changes[..];
            for (position, size) in (1..).zip(sizes) {
                let (now, later) = rest.split_at(size.min(rest.len()));
                let batch = Batch { position, changes: now.to_vec() };
                store.apply(batch).await.unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            assert!(rest.is_empty());
            store.close().await;
        });
        let mut model = Model::default();
        for change in changes {
            model.apply(change);
        }
        let connection = duckdb::Connection::open(folder.file()).unwrap();
        let mut statement = connection.prepare(ROWS).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut rows: Vec<_> = rows.map(Result::unwrap).collect();
        rows.sort();
        prop_assert_eq!(rows, model.rows());
        drop(statement);
        drop(connection);
        prop_assert_eq!(folder.ask(WRONG_NUMBERS), Vec::<String>::new());
    }
}
