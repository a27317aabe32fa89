//! What a unit of work that writes has to itself until it ends.

use paneld_domain::OrganizationId;

/// What no other unit of work that names the same may change meanwhile. In SQLite writers are
/// in line anyway, and none of this does anything.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock<'a> {
    /// Nothing: the unit's statements are right whatever happens between them.
    Nothing,
    /// All that belongs to an organization. It need not exist.
    Organization(&'a OrganizationId),
    /// Whether there are organizations at all, and the first of them.
    Beginning,
}
