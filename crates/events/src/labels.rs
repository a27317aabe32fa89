//! Labels of the series of charts.

use paneld_analytics::{Column, Field};

/// Whether callers choose how long it is.
pub(crate) fn may_be_long(field: &Field) -> bool {
    match field {
        Field::Column(column) => {
            matches!(column, Column::Path | Column::Origin | Column::Referrer)
        }
        Field::HasProfile | Field::Session(_) => false,
        Field::Utm(_)
        | Field::Property(_)
        | Field::Profile(_)
        | Field::ProfileProperty(_)
        | Field::Group(_)
        | Field::GroupProperty(_) => true,
    }
}
