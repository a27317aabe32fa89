//! What fields are for one event, as labels and as numbers: for breakdowns and sums.

use paneld_analytics::{Field, ProfileColumn};

use super::{
    Conditions,
    compare::as_number,
    fields::{Operand, Rows, Subject, plain},
};
use crate::sql::{Dialect, Sql};

/// From where a value comes, beside the event `e` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    /// From nowhere.
    Nothing,
    /// From its profile `p`, which may not be there.
    Profile,
    /// From one of its groups: the id is `e.group_id`, and the row `g` may not be there.
    Group,
}

/// A value of an event.
#[derive(Debug, Clone)]
pub(crate) struct ValueOf {
    /// As a text, never null.
    pub(crate) text: Sql,
    /// As the finite number that it is or spells, or null.
    pub(crate) number: Sql,
    /// From where it comes.
    pub(crate) joined: Joined,
}

impl ValueOf {
    fn of(dialect: Dialect, operand: &Operand, joined: Joined) -> Self {
        Self {
            text: Sql::new("coalesce(")
                .add(operand.text.clone())
                .push(", '')"),
            number: as_number(dialect, operand),
            joined,
        }
    }
}

impl Conditions<'_> {
    /// The value that an event `e` has in a field; `None` for what only sessions have.
    pub(crate) fn value_of(&self, field: &Field) -> Option<ValueOf> {
        let dialect = self.dialect;
        if *field == Field::Profile(ProfileColumn::IsExternal) {
            // Who is not identified has no row.
            let is_there = plain("CASE WHEN p.id IS NULL THEN 'false' ELSE 'true' END");
            return Some(ValueOf::of(dialect, &is_there, Joined::Profile));
        }
        match Subject::of(dialect, field, Rows::Events) {
            Subject::One(value) => Some(ValueOf::of(dialect, &value, Joined::Nothing)),
            Subject::Known(text) => {
                let text = Sql::text(text.unwrap_or(self.scope.id.as_str()));
                Some(ValueOf {
                    number: dialect.no_number(),
                    text,
                    joined: Joined::Nothing,
                })
            }
            Subject::Values { of_each, among } => Some(ValueOf {
                number: dialect.no_number(),
                text: dialect.values_of_entries(&among, &of_each),
                joined: Joined::Nothing,
            }),
            Subject::GroupIds { .. } => {
                Some(ValueOf::of(dialect, &plain("e.group_id"), Joined::Group))
            }
            Subject::Groups { value, .. } => Some(ValueOf::of(dialect, &value, Joined::Group)),
            Subject::Profile { value, .. } => Some(ValueOf::of(dialect, &value, Joined::Profile)),
            Subject::Session { .. } | Subject::Performed { .. } => None,
        }
    }
}
