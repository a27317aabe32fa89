//! How much a session carries along. Whatever its events tell, all of it is kept in memory while
//! the session lasts, and written with each of its events.

use super::Live;
use crate::request::text::{LONGEST_OF_SESSION, cut};

/// How many groups a session has, and how many bytes their ids take in all.
const MOST_GROUPS: usize = 500;
const MOST_GROUP_BYTES: usize = 4 * 1024;

/// What a session takes in memory beside its texts: itself, its places in the tables, and what
/// the allocator needs for all of it.
const FIXED_BYTES: usize = 1_280;
/// What a group takes beside its id.
const GROUP_BYTES: usize = 48;

impl Live {
    /// Joins groups, as many as a session can have.
    pub(crate) fn join(&mut self, more: impl IntoIterator<Item = String>) {
        let groups = &mut self.session.groups;
        let mut bytes = groups.iter().map(String::len).sum::<usize>();
        let mut left_out = 0;
        for group in more {
            if groups.contains(&group) {
                continue;
            }
            if groups.len() == MOST_GROUPS || bytes + group.len() > MOST_GROUP_BYTES {
                left_out += 1;
                continue;
            }
            bytes += group.len();
            groups.insert(group);
        }
        if left_out > 0 {
            metrics::counter!("paneld_session_groups_left_out_total").increment(left_out);
        }
    }

    /// The same session, as far as it can be kept: before there were these bounds, it may have been
    /// bigger.
    pub(crate) fn bounded(mut self) -> Self {
        let groups = std::mem::take(&mut self.session.groups);
        self.join(groups);
        self.bound();
        self
    }

    /// Cuts what is too long of the texts that came from events.
    pub(super) fn bound(&mut self) {
        let last_page = self.trail.last_page().into_iter().flatten();
        let session = &mut self.session;
        let texts = [
            &mut session.entry_path,
            &mut session.entry_origin,
            &mut session.exit_path,
            &mut session.exit_origin,
            &mut session.referrer.url,
            &mut session.referrer.name,
            &mut session.utm.source,
            &mut session.utm.medium,
            &mut session.utm.campaign,
            &mut session.utm.content,
            &mut session.utm.term,
        ];
        let texts = texts.into_iter().chain(last_page);
        let cuts = texts.map(|text| u64::from(cut(text, LONGEST_OF_SESSION)));
        let cuts = cuts.sum::<u64>();
        if cuts > 0 {
            metrics::counter!("paneld_session_texts_cut_total").increment(cuts);
        }
    }

    /// About how many bytes it takes in memory: itself, and as it is written, which is kept until
    /// the snapshot has it.
    pub(crate) fn bytes(&self) -> usize {
        let session = &self.session;
        let (place, agent, utm) = (&session.place, &session.agent, &session.utm);
        let texts = [
            &session.id,
            &session.entry_path,
            &session.entry_origin,
            &session.exit_path,
            &session.exit_origin,
            &session.referrer.url,
            &session.referrer.name,
            &session.referrer.kind,
            &utm.source,
            &utm.medium,
            &utm.campaign,
            &utm.content,
            &utm.term,
            &place.country,
            &place.region,
            &place.city,
            // Three times: in the keys of two tables, too.
            &session.device_id,
            &session.device_id,
            &session.device_id,
            &session.profile_id,
            &session.profile_id,
        ];
        let texts = texts.into_iter().map(String::as_str).chain(agent.texts());
        let texts = texts.map(str::len).sum::<usize>();
        let groups = session.groups.iter().map(|group| group.len() + GROUP_BYTES);
        FIXED_BYTES + 2 * (texts + groups.sum::<usize>() + self.trail.bytes())
    }
}
