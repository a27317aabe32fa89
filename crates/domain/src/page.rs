//! Lists in pages: newest first, then by id, each page beginning after a position.

use crate::Timestamp;

/// A place in a list: just behind this entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// When the entry was made.
    pub created_at: Timestamp,
    /// The id of the entry, as a text.
    pub id: String,
}

/// Which part of a list is wanted. The default is all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many entries.
    pub limit: Option<u32>,
    /// Only entries behind this position.
    pub after: Option<Position>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries of this part, in the order of the list.
    pub items: Vec<T>,
    /// Where the next part begins, if there is more.
    pub next: Option<Position>,
}

impl<T> Page<T> {
    /// A page out of what was found, where one entry more than `limit` was asked for.
    pub fn cut(mut items: Vec<T>, limit: Option<u32>, position: fn(&T) -> Position) -> Self {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let next = match limit {
            Some(limit) if items.len() > limit => {
                items.truncate(limit);
                items.last().map(position)
            }
            _ => None,
        };
        Self { items, next }
    }
}
