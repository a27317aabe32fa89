//! Which rows are listed.

use paneld_analytics::{
    Column, EventsRequest, GroupsRequest, ProfilesRequest, SessionsRequest, Window,
};
use paneld_domain::ProjectKey;

use super::{Conditions, Dialect, Sql, of_project, property};
use crate::Scope;

/// That the event `e` is one of those that are wanted.
pub(crate) fn events_chosen(dialect: Dialect, scope: &Scope, request: &EventsRequest) -> Sql {
    let conditions = Conditions {
        dialect,
        scope,
        window: request.window,
        filters: &request.filters,
    };
    let mut all = vec![conditions.events()];
    if !request.names.is_empty() {
        let names = request.names.iter().map(String::as_str);
        all.push(Sql::new("e.name").among(names));
    }
    all.extend(columns("e", &request.columns));
    for (key, value) in &request.properties {
        all.push(property("e.properties", key, value));
    }
    Sql::all(all)
}

/// That the session `s` is one of those that are wanted.
pub(crate) fn sessions_chosen(dialect: Dialect, scope: &Scope, request: &SessionsRequest) -> Sql {
    let conditions = Conditions {
        dialect,
        scope,
        window: request.window,
        filters: &request.filters,
    };
    let mut all = vec![conditions.sessions()];
    all.extend(columns("s", &request.columns));
    Sql::all(all)
}

/// That each column is one of its texts.
fn columns(alias: &str, columns: &[(Column, Vec<String>)]) -> impl Iterator<Item = Sql> {
    columns.iter().map(move |(column, texts)| {
        let texts = texts.iter().map(String::as_str);
        Sql::new(&format!("{alias}.{}", column.name())).among(texts)
    })
}

/// That the profile `p` is one of those that are wanted.
pub(crate) fn profiles_chosen(dialect: Dialect, scope: &Scope, request: &ProfilesRequest) -> Sql {
    let conditions = Conditions {
        dialect,
        scope,
        window: Window::everything(),
        filters: &request.filters,
    };
    let mut all = vec![conditions.profiles()];
    for word in &request.words {
        let columns = ["p.id", "p.email", "p.first_name", "p.last_name"];
        all.push(Sql::any(
            columns.map(|column| dialect.has_in_any_case(column, word)),
        ));
    }
    if let Some(email) = &request.email {
        all.push(dialect.has_in_any_case("p.email", email));
    }
    for (key, value) in &request.properties {
        all.push(property("p.properties", key, value));
    }
    let events = || {
        Sql::new("(SELECT e.profile_id FROM events e WHERE ")
            .add(of_project("e", scope.key))
            .push(" AND ")
    };
    if let Some(since) = request.inactive_since {
        all.push(
            Sql::new("p.id NOT IN ")
                .add(events())
                .push("e.created_at >= ")
                .add(Sql::time(since))
                .push(")"),
        );
    }
    if let Some(name) = &request.performed {
        all.push(
            Sql::new("p.id IN ")
                .add(events())
                .push("e.name = ")
                .add(Sql::text(name))
                .push(")"),
        );
    }
    let sessions = dialect.table("sessions", "s");
    if let Some(least) = request.sessions {
        all.push(
            Sql::new(&format!(
                "p.id IN (SELECT s.profile_id FROM {sessions} WHERE "
            ))
            .add(of_project("s", scope.key))
            .push(" GROUP BY s.profile_id HAVING count(*) >= ")
            .add(Sql::count(least))
            .push(")"),
        );
    }
    Sql::all(all)
}

/// That the group `g` is one of those that are wanted.
pub(crate) fn groups_chosen(dialect: Dialect, project: ProjectKey, request: &GroupsRequest) -> Sql {
    let mut all = vec![of_project("g", project)];
    if let Some(kind) = &request.kind {
        all.push(Sql::new("g.type = ").add(Sql::text(kind)));
    }
    if let Some(search) = &request.search {
        let columns = ["g.name", "g.id"];
        all.push(Sql::any(
            columns.map(|column| dialect.has_in_any_case(column, search)),
        ));
    }
    Sql::all(all)
}

/// That the profile `p` belongs to a group.
pub(crate) fn members_chosen(dialect: Dialect, project: ProjectKey, group_id: &str) -> Sql {
    let of_project = of_project("p", project);
    Sql::all([of_project, dialect.has_text("p.groups", group_id)])
}
