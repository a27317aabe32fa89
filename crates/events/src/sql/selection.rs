//! Which events are exported.

use paneld_analytics::{EventPlace, EventSelection, EventsStart};

use super::{Conditions, Dialect, Sql, of_project, time};
use crate::Scope;

/// That the event `e` is one of those that are wanted.
pub(crate) fn matching(dialect: Dialect, scope: &Scope, selection: &EventSelection) -> Sql {
    let conditions = Conditions {
        dialect,
        scope,
        window: selection.window,
        filters: &selection.filters,
    };
    let mut all = vec![conditions.events()];
    if !selection.names.is_empty() {
        let names = selection.names.iter().map(String::as_str);
        all.push(Sql::new("e.name").among(names));
    }
    if let Some(profile_id) = &selection.profile_id {
        all.push(of_profile(scope, profile_id));
    }
    Sql::all(all)
}

/// The profile's own, and those of nobody on every device that ever sent one of its own.
fn of_profile(scope: &Scope, profile_id: &str) -> Sql {
    Sql::new("(e.profile_id = ")
        .add(Sql::text(profile_id))
        .push(
            " OR (e.profile_id = e.device_id AND e.device_id IN (
                SELECT e3.device_id FROM events e3 WHERE e3.device_id <> '' AND ",
        )
        .add(of_project("e3", scope.key))
        .push(" AND e3.profile_id = ")
        .add(Sql::text(profile_id))
        .push(")))")
}

/// That the event `e` stands behind a place, and how many are left out before.
pub(crate) fn start(dialect: Dialect, start: EventsStart) -> (Sql, u64) {
    match start {
        EventsStart::Offset(offset) => (Sql::new("TRUE"), offset),
        EventsStart::Behind(place) => (behind(dialect, place), 0),
    }
}

fn behind(dialect: Dialect, EventPlace { created_at, id }: EventPlace) -> Sql {
    let at = time(created_at);
    // The first condition is for the indexes.
    Sql::with(
        "(e.created_at <= ? AND (e.created_at < ? OR e.id > ",
        [at.clone(), at],
    )
    .add(dialect.id(uuid::Uuid::from_u128(id)))
    .push("))")
}
