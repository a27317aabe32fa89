//! When people were active, as engines find it out: in words of many parts of the time.

use std::collections::BTreeMap;

use paneld_analytics::ActivityStep;

/// So many parts of the time make a word: a number with a bit for each in which somebody was
/// active. So a person is a row or a few, however often they came.
pub(crate) const WORD: usize = 60;

/// People who were active in exactly the same parts of a stretch of time.
pub(crate) struct Word {
    /// The first part of the time that the word is about, counted from the beginning.
    pub(crate) first: usize,
    /// In which parts they were active; the lowest bit is the first part.
    pub(crate) mask: u64,
    /// When they were active next, counted from the first part, or so far off that it does not
    /// matter.
    pub(crate) next: usize,
    pub(crate) people: u64,
}

/// From which part of the time to which next one how many people went.
pub(crate) fn steps_of(words: &[Word], reach: usize) -> Vec<ActivityStep> {
    let mut steps = BTreeMap::<(usize, Option<usize>), u64>::new();
    for word in words {
        let mut next = word.next;
        for place in (0..WORD)
            .rev()
            .filter(|place| word.mask & (1 << place) != 0)
        {
            let gap = Some(next - place).filter(|&gap| gap <= reach);
            *steps.entry((word.first + place, gap)).or_default() += word.people;
            next = place;
        }
    }
    let steps = steps.into_iter();
    let steps = steps.map(|((bucket, gap), people)| ActivityStep {
        bucket,
        gap,
        people,
    });
    steps.collect()
}
