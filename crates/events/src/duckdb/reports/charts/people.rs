//! Sets of people, as cheap to add to as a list.

/// A set is made smaller when it has so many entries, and then whenever it has twice as many as
/// there were different ones.
const FIRST_LOOK: usize = 1_024;

/// Numbers of people: some may be there several times until it is looked at.
#[derive(Debug, Default)]
pub(super) struct People {
    numbers: Vec<u32>,
    /// How many entries are to be there before it is looked at again.
    next_look: usize,
}

impl People {
    /// Adds somebody. How many entries there are more now; fewer, where it was looked at.
    pub(super) fn add(&mut self, number: u32, seen: &mut Seen) -> isize {
        self.numbers.push(number);
        if self.numbers.len() < self.next_look.max(FIRST_LOOK) {
            return 1;
        }
        let before = self.numbers.len() as isize;
        let left = self.count(seen) as isize;
        self.next_look = 2 * self.numbers.len();
        1 + left - before
    }

    /// How many different ones there are. The others are removed.
    pub(super) fn count(&mut self, seen: &mut Seen) -> u64 {
        self.numbers.retain(|&number| seen.is_new(number));
        seen.forget(&self.numbers);
        self.numbers.len() as u64
    }

    /// How many different ones there are in several sets.
    pub(super) fn count_all<'a>(
        sets: impl Iterator<Item = &'a Self> + Clone,
        seen: &mut Seen,
    ) -> u64 {
        let mut count = 0;
        for set in sets.clone() {
            for &number in &set.numbers {
                count += u64::from(seen.is_new(number));
            }
        }
        for set in sets {
            seen.forget(&set.numbers);
        }
        count
    }
}

/// Who was seen while a set is looked at: a bit for each number. It is empty between two looks.
#[derive(Debug, Default)]
pub(super) struct Seen(Vec<u64>);

impl Seen {
    fn is_new(&mut self, number: u32) -> bool {
        let (word, bit) = place(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    fn forget(&mut self, numbers: &[u32]) {
        for &number in numbers {
            self.0[place(number).0] = 0;
        }
    }
}

/// The word, and the bit in it.
fn place(number: u32) -> (usize, u64) {
    ((number / u64::BITS) as usize, 1 << (number % u64::BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn everybody_counts_once(
            sets in prop::collection::vec(prop::collection::vec(0_u32..3_000, 0..6_000), 0..4)
        ) {
            let mut seen = Seen::default();
            let mut held = 0;
            let mut people = Vec::new();
            for numbers in &sets {
                let mut set = People::default();
                for &number in numbers {
                    held += set.add(number, &mut seen);
                }
                people.push(set);
            }
            let entries = people.iter().map(|set| set.numbers.len()).sum::<usize>();
            prop_assert_eq!(held, entries as isize);
            let all = sets.iter().flatten().collect::<HashSet<_>>();
            let count = People::count_all(people.iter(), &mut seen);
            prop_assert_eq!(count, all.len() as u64);
            for (numbers, set) in sets.iter().zip(&mut people) {
                let different = numbers.iter().collect::<HashSet<_>>();
                prop_assert_eq!(set.count(&mut seen), different.len() as u64);
            }
        }
    }
}
