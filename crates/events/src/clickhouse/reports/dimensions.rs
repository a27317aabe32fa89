//! Sessions by what they have in common: `docs/contract/insights.md` §7.4.

use paneld_analytics::{Dimension, DimensionRequest};

use super::session_counts::{Counted, counts, session_counts};
use crate::{
    CountedSessions, EventsError, Scope,
    clickhouse::{
        sql::{Conditions, Dialect, Sql},
        store::ClickHouseStore,
    },
};

impl ClickHouseStore {
    pub(crate) async fn dimension(
        &self,
        scope: Scope,
        request: DimensionRequest,
    ) -> Result<Vec<CountedSessions>, EventsError> {
        let conditions = Conditions {
            dialect: Dialect::ClickHouse,
            scope: &scope,
            window: request.window,
            filters: &request.filters,
        };
        let column = |dimension: Dimension| format!("toString(s.{})", dimension.name());
        let prefix = request.dimension.prefix();
        let prefix = prefix.map_or_else(|| "''".to_owned(), column);
        let (name, counts) = (column(request.dimension), counts());
        let sessions = Dialect::ClickHouse.table("sessions", "s");
        let values = Sql::new(&format!(
            "SELECT {prefix} AS prefix, {name} AS value, {counts} FROM {sessions} WHERE "
        ))
        .add(conditions.sessions())
        .push(
            " GROUP BY prefix, value
            ORDER BY session_count DESC, view_count DESC, value, prefix LIMIT ",
        )
        .add(Sql::count(request.paging.limit.into()))
        .push(" OFFSET ")
        .add(Sql::count(request.paging.offset));
        self.read(async |client| {
            let rows = values.fetch::<Counted>(&client).await?.into_iter();
            let rows = rows.map(session_counts);
            let rows = rows.map(|(prefix, name, counts)| CountedSessions {
                prefix,
                name,
                counts,
            });
            Ok(rows.collect())
        })
        .await
    }
}
