//! What becomes of a big session with an event. A session is written whole with each of its events,
//! for that is simple, as long as it is not much more than the event itself.

use chrono::serde::ts_milliseconds;
use paneld_domain::{Session, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Kept, Live, trail::Last};

/// A session that takes more bytes than this is big: more than it may on average.
const BIG: usize = 4 * 1024;

/// What a record tells of the session of a device. It is written as an `Option` of the second kind
/// was, when there was no third.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Told {
    /// There is none any more.
    Gone,
    /// It is like this.
    Whole(Kept),
    /// The session of this id has changed so: a [`Growth`].
    Grown(String, Kept),
}

/// What has changed of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Growth {
    profile_id: Option<String>,
    /// Those that were joined.
    groups: Vec<String>,
    #[serde(with = "ts_milliseconds")]
    created_at: Timestamp,
    #[serde(with = "ts_milliseconds")]
    ended_at: Timestamp,
    entry_path: Option<String>,
    entry_origin: Option<String>,
    exit_path: Option<String>,
    exit_origin: Option<String>,
    screen_view_count: u32,
    event_count: u32,
    revenue: u64,
    received_at: i64,
    is_ended: bool,
    last: Option<Last>,
    /// Those that were seen for the first time.
    pages: Vec<u64>,
}

impl Live {
    /// Whether it is so big that it is not written whole with each event.
    pub(crate) fn is_big(&self) -> bool {
        self.bytes() > BIG
    }

    /// What has changed since, if that is all there is to tell: the session is the same, and big.
    pub(crate) fn growth_since(&self, before: &Self) -> Option<Growth> {
        if !self.is_big() {
            return None;
        }
        let (old, new) = (&before.session, &self.session);
        let changed = |old: &String, new: &String| (old != new).then(|| new.clone());
        let growth = Growth {
            profile_id: changed(&old.profile_id, &new.profile_id),
            groups: new.groups.difference(&old.groups).cloned().collect(),
            created_at: new.created_at,
            ended_at: new.ended_at,
            entry_path: changed(&old.entry_path, &new.entry_path),
            entry_origin: changed(&old.entry_origin, &new.entry_origin),
            exit_path: changed(&old.exit_path, &new.exit_path),
            exit_origin: changed(&old.exit_origin, &new.exit_origin),
            screen_view_count: new.screen_view_count,
            event_count: new.event_count,
            revenue: new.revenue,
            received_at: self.received_at,
            is_ended: self.is_ended,
            last: self.trail.last_since(&before.trail),
            pages: self.trail.pages_since(&before.trail),
        };
        // Whatever else there may be of a session: what is told must be all.
        let mut grown = before.clone();
        grown.grow(growth.clone());
        (grown == *self).then_some(growth)
    }

    /// Makes changes, which may have been made before.
    pub(crate) fn grow(&mut self, growth: Growth) {
        let set = |text: &mut String, changed: Option<String>| {
            if let Some(changed) = changed {
                *text = changed;
            }
        };
        let Session {
            profile_id,
            groups,
            created_at,
            ended_at,
            entry_path,
            entry_origin,
            exit_path,
            exit_origin,
            screen_view_count,
            event_count,
            revenue,
            ..
        } = &mut self.session;
        set(profile_id, growth.profile_id);
        set(entry_path, growth.entry_path);
        set(entry_origin, growth.entry_origin);
        set(exit_path, growth.exit_path);
        set(exit_origin, growth.exit_origin);
        groups.extend(growth.groups);
        *created_at = growth.created_at;
        *ended_at = growth.ended_at;
        *screen_view_count = growth.screen_view_count;
        *event_count = growth.event_count;
        *revenue = growth.revenue;
        self.received_at = growth.received_at;
        self.is_ended = growth.is_ended;
        self.trail.grow(growth.last, growth.pages);
    }
}

impl Growth {
    /// As it is written, of the session of this id.
    pub(crate) fn told(&self, session_id: String) -> Result<Told, postcard::Error> {
        Ok(Told::Grown(session_id, Kept::write(self)?))
    }
}

impl Kept {
    /// The same session behind a growth, if it is of this id: else it came later.
    pub(crate) fn grown(self, session_id: &str, growth: &Self) -> Result<Self, postcard::Error> {
        if self.session_id()? != session_id {
            return Ok(self);
        }
        let mut live = postcard::from_bytes::<Live>(self.as_bytes())?;
        live.grow(postcard::from_bytes(growth.as_bytes())?);
        Self::new(&live)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::pipeline::sessions::tests::event;

    /// A session that is big from the start.
    fn big() -> Live {
        let mut opening = event("phone");
        opening.referrer.url = "r".repeat(2_000);
        opening.path = format!("/{}", "p".repeat(2_000));
        let mut live = Live::open(&opening, opening.created_at);
        live.view(&opening);
        live
    }

    #[derive(Debug, Clone)]
    struct Step {
        seconds: i64,
        path: String,
        is_view: bool,
        profile: Option<String>,
        groups: Vec<String>,
        ends: bool,
    }

    fn step() -> impl Strategy<Value = Step> {
        let texts = (
            ".{0,30}",
            proptest::option::of("[ab]"),
            vec("[a-d]{1,300}", 0..4),
        );
        (-100_i64..100, texts, any::<bool>(), any::<bool>()).prop_map(
            |(seconds, (path, profile, groups), is_view, ends)| Step {
                seconds,
                path,
                is_view,
                profile,
                groups,
                ends,
            },
        )
    }

    fn after(live: &Live, step: &Step) -> Live {
        let mut event = event("phone");
        event.created_at = live.session.ended_at + chrono::TimeDelta::seconds(step.seconds);
        event.path.clone_from(&step.path);
        if let Some(profile) = &step.profile {
            event.profile_id.clone_from(profile);
        }
        event.groups.clone_from(&step.groups);
        event.id = uuid::Uuid::from_u128(step.seconds.unsigned_abs().into());
        let mut live = live.clone();
        if step.is_view {
            live.extend(&event, event.created_at);
            live.view(&event);
        } else {
            event.name = "other".to_owned();
            live.extend(&event, event.created_at);
        }
        live.is_ended |= step.ends;
        live
    }

    proptest! {
        /// A snapshot may be ahead of the records behind it: they may have been applied before.
        #[test]
        fn growths_make_the_session_from_any_earlier_state(steps in vec(step(), 1..12)) {
            let mut states = vec![big()];
            let mut growths = Vec::new();
            for step in &steps {
                let before = &states[states.len() - 1];
                let next = after(before, step);
                growths.push(next.growth_since(before).unwrap());
                states.push(next);
            }
            let last = &states[states.len() - 1];
            for state in &states {
                let mut kept = Kept::new(state).unwrap();
                for growth in &growths {
                    let growth = Kept::write(growth).unwrap();
                    kept = kept.grown(&state.session.id, &growth).unwrap();
                }
                prop_assert_eq!(&postcard::from_bytes::<Live>(kept.as_bytes()).unwrap(), last);
            }
        }
    }

    #[test]
    fn only_of_big_sessions_that_go_on_it_is_told_how_they_grow() {
        let small = crate::pipeline::sessions::tests::visit("phone", 1);
        assert_eq!(
            crate::pipeline::sessions::tests::visit("phone", 2).growth_since(&small),
            None
        );
        let live = big();
        let mut next = live.clone();
        next.session.event_count += 1;
        assert!(next.growth_since(&live).is_some());
        next.session.id = "another".to_owned();
        assert_eq!(next.growth_since(&live), None);
        let mut next = live.clone();
        next.session.utm.term = "what nobody changes".to_owned();
        assert_eq!(next.growth_since(&live), None);
    }

    #[test]
    fn what_was_written_before_there_was_growth_is_read() {
        let kept = Kept::new(&big()).unwrap();
        for (before, now) in [(None, Told::Gone), (Some(kept.clone()), Told::Whole(kept))] {
            let written = postcard::to_stdvec(&before).unwrap();
            assert_eq!(postcard::from_bytes::<Told>(&written).unwrap(), now);
        }
    }
}
