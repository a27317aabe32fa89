//! As many rows of people are held in memory at once as have room there.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
};

use paneld_domain::ProjectKey;

use crate::people::{Mentions, PeopleIds, ProjectChange, SpooledChange};

/// How many bytes of rows are held in memory at once, and written in one unit of work; a single row
/// may have more.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// What a row takes beside its texts.
const ROW: usize = 512;

/// The sizes of rows of one project in bytes, by their ids, or by aliases of them.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) profiles: HashMap<String, usize>,
    pub(crate) groups: HashMap<String, usize>,
}

impl Sizes {
    fn of_profile(&self, id: &str) -> usize {
        self.profiles.get(id).unwrap_or(&0) + ROW
    }

    fn of_group(&self, id: &str) -> usize {
        self.groups.get(id).unwrap_or(&0) + ROW
    }
}

/// Changes in their order, in portions whose rows have room in memory together, each with the
/// position of its last record. What belongs to one record stays together.
pub(crate) fn portions_of_changes(
    sizes: &BTreeMap<ProjectKey, Sizes>,
    changes: Vec<SpooledChange>,
) -> Vec<(u64, Vec<ProjectChange>)> {
    let mut records = Vec::<(u64, Vec<ProjectChange>)>::new();
    for (position, change) in changes {
        match records.last_mut() {
            Some((last, changes)) if *last == position => changes.push(change),
            _ => records.push((position, vec![change])),
        }
    }
    let rows = |(_, changes): &(u64, Vec<ProjectChange>)| {
        let mut rows = Vec::new();
        for (project, _, change) in changes {
            let Some(sizes) = sizes.get(project) else {
                continue;
            };
            let mut mentions = Mentions::default();
            mentions.add(change);
            for id in mentions.profiles.into_iter().chain(mentions.renamed) {
                rows.push((sizes.of_profile(&id), (*project, Id::Profile(id))));
            }
            for id in mentions.groups {
                rows.push((sizes.of_group(&id), (*project, Id::Group(id))));
            }
        }
        rows
    };
    let portions = portions(records, MOST_BYTES, rows).into_iter();
    let whole = |records: Vec<(u64, Vec<ProjectChange>)>| {
        let last = records.last().map(|(last, _)| *last).unwrap_or_default();
        let changes = records.into_iter().flat_map(|(_, changes)| changes);
        (last, changes.collect())
    };
    portions.map(whole).collect()
}

/// The id of a row of people.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    Profile(String),
    Group(String),
}

/// Ids of rows with their sizes, in portions whose rows have room in memory together.
pub(crate) fn portions_of_people(
    people: Vec<(ProjectKey, Id, usize)>,
) -> Vec<BTreeMap<ProjectKey, PeopleIds>> {
    let numbered = people.into_iter().enumerate().collect();
    let portions = portions(numbered, MOST_BYTES, |(number, (_, _, size))| {
        vec![(size + ROW, *number)]
    });
    let by_project = |portion| {
        let mut people = BTreeMap::<_, PeopleIds>::new();
        for (_, (project, id, _)) in portion {
            let ids = people.entry(project).or_default();
            match id {
                Id::Profile(id) => ids.profiles.insert(id),
                Id::Group(id) => ids.groups.insert(id),
            };
        }
        people
    };
    portions.into_iter().map(by_project).collect()
}

/// Parts of a list, each with rows of so many bytes at most, or with one item. `rows` tells which
/// rows an item needs, and how big they are; a row that several items need is there once.
fn portions<T, R: Eq + Hash>(
    items: Vec<T>,
    most: usize,
    rows: impl Fn(&T) -> Vec<(usize, R)>,
) -> Vec<Vec<T>> {
    let mut portions = Vec::new();
    let (mut portion, mut held, mut bytes) = (Vec::new(), HashSet::new(), 0);
    for item in items {
        let rows = rows(&item);
        let new = rows.iter().filter(|(_, row)| !held.contains(row));
        let more = new.map(|(size, _)| size).sum::<usize>();
        bytes += more;
        if bytes > most && !portion.is_empty() {
            portions.push(std::mem::take(&mut portion));
            held.clear();
            bytes = rows.iter().map(|(size, _)| size).sum();
        }
        held.extend(rows.into_iter().map(|(_, row)| row));
        portion.push(item);
    }
    if !portion.is_empty() {
        portions.push(portion);
    }
    portions
}

/// How many of some rows have room in memory together: one at least.
pub(crate) fn fitting(sizes: impl IntoIterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fitting = sizes.into_iter().take_while(|size| {
        bytes += size + ROW;
        bytes <= MOST_BYTES
    });
    fitting.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(items: &[(&'static str, usize)], most: usize) -> Vec<Vec<&'static str>> {
        let portions = portions(items.to_vec(), most, |&(id, size)| vec![(size, id)]);
        let ids = |portion: Vec<(&'static str, usize)>| portion.into_iter().map(|(id, _)| id);
        portions
            .into_iter()
            .map(|portion| ids(portion).collect())
            .collect()
    }

    #[test]
    fn what_has_room_together_is_together_and_in_order() {
        for (items, expected) in [
            (&[][..], &[][..]),
            (&[("a", 99)], &[&["a"][..]]),
            (&[("a", 5), ("b", 5), ("c", 1)], &[&["a", "b"], &["c"]]),
            (&[("a", 99), ("b", 1), ("c", 1)], &[&["a"], &["b", "c"]]),
            // The same row again takes no more room, but does in the next portion.
            (
                &[("a", 6), ("a", 6), ("b", 4), ("a", 6)],
                &[&["a", "a", "b", "a"]],
            ),
            (&[("a", 6), ("b", 6), ("a", 6)], &[&["a"], &["b"], &["a"]]),
        ] {
            assert_eq!(of(items, 10), expected, "{items:?}");
        }
    }

    #[test]
    fn a_page_has_a_row_at_least() {
        for (sizes, expected) in [
            (&[][..], 1),
            (&[MOST_BYTES * 3, 1], 1),
            (&[MOST_BYTES / 2, MOST_BYTES / 2, 1], 1),
            (&[1, 1, 1], 3),
        ] {
            assert_eq!(fitting(sizes.iter().copied()), expected, "{sizes:?}");
        }
    }
}
