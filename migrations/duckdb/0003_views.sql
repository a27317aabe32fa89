-- What reports about pages would otherwise have to sort all screen views for. It is written with
-- the view; views.rs mends it where views came in another order than they happened in.

-- The newest title of pages is looked for in all reports about them.
ALTER TABLE events ADD COLUMN title VARCHAR DEFAULT '';

-- Whether no earlier view of the session was of the same page; false for all other events. Null
-- where nobody knows: for imported views with sessions of their own.
ALTER TABLE events ADD COLUMN is_first_view BOOLEAN DEFAULT FALSE;

-- The page that the session saw before, and for how many milliseconds; empty and 0 where there was
-- none. Not null, which takes a third of the time to sum.
ALTER TABLE events ADD COLUMN previous_origin VARCHAR DEFAULT '';
ALTER TABLE events ADD COLUMN previous_path VARCHAR DEFAULT '';
ALTER TABLE events ADD COLUMN previous_duration UBIGINT DEFAULT 0;

UPDATE events SET title = coalesce(properties['__title'], '');

UPDATE events SET is_first_view = NULL WHERE name = 'screen_view' AND session_id <> '';

UPDATE events SET
    is_first_view = placed.is_first,
    previous_origin = placed.origin_before,
    previous_path = placed.path_before,
    previous_duration = placed.duration_before
FROM (
    SELECT e.rowid AS row, row_number() OVER same_page = 1 AS is_first,
        coalesce(lag(e.origin) OVER session, '') AS origin_before, coalesce(lag(e.path) OVER session, '') AS path_before,
        coalesce(epoch_ms(e.created_at) - epoch_ms(lag(e.created_at) OVER session), 0)
            AS duration_before
    FROM events e JOIN sessions s ON s.project_key = e.project_key AND s.id = e.session_id
    WHERE e.name = 'screen_view'
    WINDOW session AS (PARTITION BY e.project_key, e.session_id ORDER BY e.created_at, e.id),
        same_page AS (PARTITION BY e.project_key, e.session_id, e.origin, e.path
            ORDER BY e.created_at, e.id)
) AS placed
WHERE events.rowid = placed.row;
