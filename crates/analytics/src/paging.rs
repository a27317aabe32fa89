//! Parts of long answers.

use crate::query::Query;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// How many entries at most.
    pub limit: u32,
    /// How many are left out before.
    pub offset: u64,
}

impl Paging {
    /// So many entries has a list when nothing is said, and so many at most.
    pub const MOST: u32 = 1_000;

    /// The first entries of a list, so many at most.
    pub fn first(limit: u32) -> Self {
        Self { limit, offset: 0 }
    }

    /// The part of a whole list.
    pub fn part_of<T>(self, list: impl IntoIterator<Item = T>) -> Vec<T> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let list = list.into_iter().skip(offset);
        list.take(self.limit as usize).collect()
    }
}

impl Default for Paging {
    fn default() -> Self {
        Self::first(Self::MOST)
    }
}

impl Query {
    /// The part of a list: `limit`, and `cursor`, the number of the page; the first is 1.
    pub fn paging(&mut self) -> Paging {
        self.paging_within(Paging::MOST, Paging::MOST)
    }

    /// The same for a list of which `default` entries are shown when nothing is said, and `most`
    /// at most.
    pub fn paging_within(&mut self, default: u32, most: u32) -> Paging {
        let limit = self.integer("limit", 1..=i64::from(most));
        let page = self.integer("cursor", 1..=i64::from(u32::MAX));
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        let limit = limit.unwrap_or(default);
        let before = page.map_or(0, |page| page.unsigned_abs().saturating_sub(1));
        Paging {
            limit,
            offset: before * u64::from(limit),
        }
    }
}
