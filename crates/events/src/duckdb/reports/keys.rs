//! Numbers for hashes that are met one after the other.

use hashbrown::hash_table::{Entry, HashTable};

/// How many places remember what was met last there.
const LATELY: usize = 4_096;

/// How many bytes a key takes at most: itself, and a place in a hash table that may be half empty.
pub(super) const BYTES_A_KEY: usize = 8 + 2 * 5;

/// Keys that are hashes already, numbered from 0 on in the order in which they were met.
pub(super) struct Keys {
    keys: Vec<u64>,
    table: HashTable<u32>,
    /// Rows that follow one another have the same few keys: those are found in the processor's
    /// cache.
    lately: Box<[(u64, u32)]>,
}

impl Keys {
    /// None yet, and room for about so many.
    pub(super) fn for_about(keys: usize) -> Self {
        Self {
            keys: Vec::with_capacity(keys),
            table: HashTable::with_capacity(keys),
            lately: vec![(0, u32::MAX); LATELY].into_boxed_slice(),
        }
    }

    /// The number of a key: how many there were before, for a new one.
    pub(super) fn number(&mut self, key: u64) -> usize {
        let lately = &mut self.lately[key as usize % LATELY];
        if lately.0 != key || lately.1 == u32::MAX {
            let keys = &mut self.keys;
            let found = self.table.entry(
                key,
                |&number| keys[number as usize] == key,
                |&number| keys[number as usize],
            );
            let number = match found {
                Entry::Occupied(found) => *found.get(),
                Entry::Vacant(place) => {
                    let number = keys.len() as u32;
                    place.insert(number);
                    keys.push(key);
                    number
                }
            };
            *lately = (key, number);
        }
        lately.1 as usize
    }

    /// All keys, in the order of their numbers.
    pub(super) fn all(&self) -> &[u64] {
        &self.keys
    }
}
