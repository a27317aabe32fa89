//! What is asked, and the best SQL that we know for it.

/// A question, and the best SQL for what it takes to answer it. In that `$` stands for the
/// conditions on project and time, and `DAY` in DuckDB's for the day of a row.
pub(super) struct Question {
    /// What is asked of the server; `{project}` is the project.
    pub(super) path: &'static str,
    /// Of DuckDB.
    pub(super) floor: Option<&'static str>,
    /// Of ClickHouse's engine.
    pub(super) clickhouse: Option<&'static str>,
}

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        path: "insights/{project}/metrics?range=30d",
        floor: Some(
            "SELECT DAY AS d, count(DISTINCT profile_id), count(*), count(*) FILTER (is_bounce),
                sum(duration), sum(screen_view_count) FROM sessions WHERE $ GROUP BY d",
        ),
        clickhouse: Some(
            "SELECT toDate(began) AS d, uniqExact(profile), count(), countIf(views < 2),
                sum(dateDiff('millisecond', began, ended)), sum(views)
            FROM (SELECT session_id, any(profile_id) AS profile, min(created_at) AS began,
                    max(created_at) AS ended, countIf(name = 'screen_view') AS views
                FROM bench.events WHERE $ GROUP BY session_id)
            GROUP BY d",
        ),
    },
    Question {
        path: "insights/{project}/metrics?range=30d&filters=[{%22name%22:%22country%22,%22operator%22:%22isNot%22,%22value%22:[%22JP%22]}]",
        floor: None,
        clickhouse: Some(
            "SELECT toDate(began) AS d, uniqExact(profile), count(), countIf(views < 2),
                sum(dateDiff('millisecond', began, ended)), sum(views)
            FROM (SELECT session_id, any(profile_id) AS profile, min(created_at) AS began,
                    max(created_at) AS ended, countIf(name = 'screen_view') AS views
                FROM bench.events WHERE $ AND country != 'JP' GROUP BY session_id)
            GROUP BY d",
        ),
    },
    Question {
        path: "insights/{project}/metrics?range=today",
        floor: None,
        clickhouse: None,
    },
    Question {
        path: "insights/{project}/pages?range=30d",
        floor: Some(
            "SELECT path, count(*), count(*) FILTER (is_first_view) FROM events
                WHERE name = 'screen_view' AND $ GROUP BY path",
        ),
        clickhouse: Some(
            "SELECT path, count(), uniqExact(session_id) FROM bench.events
                WHERE name = 'screen_view' AND $ GROUP BY path",
        ),
    },
    Question {
        path: "insights/{project}/country?range=30d",
        floor: Some(
            "SELECT country, count(*), count(*) FILTER (is_bounce), sum(duration),
                sum(screen_view_count), sum(revenue) FROM sessions WHERE $ GROUP BY country",
        ),
        clickhouse: None,
    },
    Question {
        path: "insights/{project}/city?range=30d",
        floor: Some(
            "SELECT country, city, count(*), count(*) FILTER (is_bounce), sum(duration),
                sum(screen_view_count), sum(revenue) FROM sessions WHERE $ GROUP BY country, city",
        ),
        clickhouse: None,
    },
    Question {
        path: "insights/{project}/pages/performance?range=30d",
        floor: None,
        clickhouse: Some(
            "SELECT path, count(), uniqExact(session_id) FROM bench.events
                WHERE name = 'screen_view' AND $ GROUP BY path",
        ),
    },
    Question {
        path: "insights/{project}/pages/entry_exit?range=30d",
        floor: None,
        clickhouse: None,
    },
    Question {
        path: "insights/{project}/active_users?days=7",
        floor: None,
        clickhouse: Some(
            "SELECT day, uniqExact(profile_id)
            FROM (SELECT profile_id, toDate(created_at) AS active FROM bench.events
                WHERE $ GROUP BY profile_id, active)
            ARRAY JOIN arrayMap(later -> active + later, range(7)) AS day GROUP BY day",
        ),
    },
    Question {
        path: "insights/{project}/retention",
        floor: None,
        clickhouse: None,
    },
    Question {
        path: "insights/{project}/funnel?range=30d&steps=screen_view&steps=signup",
        floor: None,
        clickhouse: Some(
            "SELECT level, count()
            FROM (SELECT windowFunnel(86400000)(toUInt64(toUnixTimestamp64Milli(created_at)),
                    name = 'screen_view', name = 'signup') AS level
                FROM bench.events WHERE $ AND name IN ('screen_view', 'signup')
                GROUP BY session_id)
            GROUP BY level",
        ),
    },
    Question {
        path: "insights/{project}/user_flow?range=30d&startEvent=screen_view&steps=3",
        floor: None,
        clickhouse: Some(
            "SELECT path, count() AS sessions
            FROM (SELECT arraySlice(arrayFilter((name, place) -> place >= start, names,
                    arrayEnumerate(names)), 1, 3) AS path
                FROM (SELECT arrayCompact(arrayMap(event -> event.2,
                        arraySort(groupArray((created_at, name))))) AS names,
                        indexOf(names, 'screen_view') AS start
                    FROM bench.events WHERE $ GROUP BY session_id)
                WHERE start > 0)
            GROUP BY path ORDER BY sessions DESC LIMIT 100",
        ),
    },
    Question {
        path: "insights/{project}/events?range=30d&limit=100",
        floor: None,
        clickhouse: Some(
            "SELECT * FROM bench.events WHERE $ ORDER BY created_at DESC LIMIT 100",
        ),
    },
    Question {
        path: "insights/{project}/live",
        floor: None,
        clickhouse: None,
    },
    Question {
        path: "export/charts?projectId={project}&series=[{%22name%22:%22screen_view%22}]&breakdowns=[{%22name%22:%22country%22}]",
        floor: None,
        clickhouse: Some(
            "SELECT toDate(created_at) AS day, country, count(), uniqExact(profile_id)
            FROM bench.events WHERE $ AND name = 'screen_view'
            GROUP BY GROUPING SETS ((day, country), (country))",
        ),
    },
    Question {
        path: "export/charts?projectId={project}&series=[{%22name%22:%22screen_view%22,%22segment%22:%22user%22}]&breakdowns=[{%22name%22:%22properties.plan%22}]",
        floor: None,
        clickhouse: Some(
            "SELECT toDate(created_at) AS day, properties['plan'] AS plan, uniqExact(profile_id)
            FROM bench.events WHERE $ AND name = 'screen_view'
            GROUP BY GROUPING SETS ((day, plan), (plan))",
        ),
    },
    Question {
        path: "export/charts?projectId={project}&range=7d&previous=true&series=[{%22name%22:%22*%22,%22segment%22:%22user%22}]",
        floor: None,
        clickhouse: Some(
            "SELECT toDate(created_at) AS day, uniqExact(profile_id) FROM bench.events
            WHERE $ AND created_at >= now() - INTERVAL 14 DAY
            GROUP BY GROUPING SETS ((day), ())",
        ),
    },
    Question {
        path: "export/charts?projectId={project}&series=[{%22name%22:%22screen_view%22},{%22name%22:%22signup%22},{%22type%22:%22formula%22,%22formula%22:%22B/A*100%22}]",
        floor: None,
        clickhouse: Some(
            "SELECT toDate(created_at) AS day, name, count(), uniqExact(profile_id) FROM bench.events
            WHERE $ AND name IN ('screen_view', 'signup')
            GROUP BY GROUPING SETS ((day, name), (name))",
        ),
    },
    Question {
        path: "export/charts?projectId={project}&series=[{%22name%22:%22screen_view%22,%22filters%22:[{%22name%22:%22properties.plan%22,%22operator%22:%22is%22,%22value%22:[%22pro%22]}]}]&breakdowns=[{%22name%22:%22country%22},{%22name%22:%22device%22},{%22name%22:%22os%22}]",
        floor: None,
        clickhouse: Some(
            "SELECT toDate(created_at) AS day, country, device, os, count(), uniqExact(profile_id)
            FROM bench.events WHERE $ AND name = 'screen_view' AND properties['plan'] = 'pro'
            GROUP BY GROUPING SETS ((day, country, device, os), (country, device, os))",
        ),
    },
];
