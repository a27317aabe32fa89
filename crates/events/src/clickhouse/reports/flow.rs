//! Which ways people take through events.

use paneld_analytics::{FlowMode, FlowPaths, FlowRequest};

use crate::{
    EventsError, Scope,
    clickhouse::{
        fault::Fault,
        sql::{Sql, in_window, next_row, of_project},
        store::ClickHouseStore,
    },
};

impl ClickHouseStore {
    pub(crate) async fn flow(
        &self,
        scope: Scope,
        request: FlowRequest,
    ) -> Result<FlowPaths, EventsError> {
        let ways = ways(&scope, &request);
        self.read(async |client| {
            let mut paths = FlowPaths::new(request.clone());
            let mut cursor = ways.cursor::<(Vec<String>, u64)>(&client)?;
            let mut different = 0;
            while let Some((names, sessions)) = next_row(&mut cursor).await? {
                different += 1;
                let mut way = vec![0; paths.way_length()];
                for name in names {
                    let name = paths.name(&name);
                    paths.take(&mut way, name);
                }
                paths.add(&way, sessions);
                if paths.is_full() || different > FlowPaths::MOST {
                    return Err(Fault::Memory("too many different ways".into()));
                }
            }
            Ok(paths)
        })
        .await
    }
}

/// The ways of the sessions that have the start event, and how many sessions took each.
fn ways(scope: &Scope, request: &FlowRequest) -> Sql {
    let start = || Sql::text(&request.start);
    // What is behind the part that is looked at is cut off, so that alike ones are one.
    let part = match request.mode {
        FlowMode::After => Sql::new("arraySlice(all, indexOf(all, ")
            .add(start())
            .push(&format!("), {})", request.steps)),
        FlowMode::Before => Sql::new("arraySlice(all, 1, indexOf(all, ")
            .add(start())
            .push("))"),
        FlowMode::Between => Sql::new("arraySlice(all, indexOf(all, ")
            .add(start())
            .push("))"),
    };
    let kept = match request.only() {
        Some(names) => Sql::new("e.name").among(names),
        None if request.exclude.is_empty() => Sql::new("TRUE"),
        None => {
            let names = request.exclude.iter().map(String::as_str);
            Sql::new("e.name").among(names).not()
        }
    };
    // One more than are looked at tells that there are too many.
    let most = FlowPaths::MOST + 1;
    Sql::new("SELECT ")
        .add(part)
        .push(
            " AS way, count() FROM (
                SELECT arrayCompact(arrayMap(x -> x.3, arraySort(groupArray(
                    (e.created_at, e.id, toString(e.name))
                )))) AS all
                FROM events e WHERE e.session <> 0 AND ",
        )
        .add(of_project("e", scope.key))
        .push(" AND ")
        .add(in_window("e", request.window))
        .push(" AND ")
        .add(kept)
        .push(" GROUP BY e.session HAVING has(all, ")
        .add(start())
        .push(&format!(")) GROUP BY way LIMIT {most}"))
}
