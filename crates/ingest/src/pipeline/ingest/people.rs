//! What is told of people.

use paneld_domain::{Identity, PeopleChange, ProfileChange, ProfileChangeKind, Sighting};

use crate::{
    Identified,
    pipeline::{record::Change, sessions::Live},
    request::visitor::Known,
};

/// What is told of a profile, with what is known of the visitor beside.
pub(super) fn identify(identified: Identified, known: &Known) -> PeopleChange {
    let agent = paneld_enrich::overridden(&known.agent, &identified.identity.properties);
    PeopleChange::Profile(ProfileChange {
        profile_id: identified.profile_id,
        kind: ProfileChangeKind::Identified(Box::new(Identity {
            place: known.place.clone(),
            agent,
            ..identified.identity
        })),
    })
}

/// Until when somebody who is identified was there.
pub(super) fn last_seen(live: &Live) -> Option<Change> {
    let session = &live.session;
    (session.profile_id != session.device_id).then(|| {
        Change::People(PeopleChange::Profile(ProfileChange {
            profile_id: session.profile_id.clone(),
            kind: ProfileChangeKind::LastSeen(session.ended_at),
        }))
    })
}

/// The visit of somebody who is identified.
pub(super) fn seen(live: &Live) -> Change {
    let session = &live.session;
    Change::People(PeopleChange::Profile(ProfileChange {
        profile_id: session.profile_id.clone(),
        kind: ProfileChangeKind::Seen(Box::new(Sighting {
            path: session.entry_path.clone(),
            referrer: session.referrer.clone(),
            place: session.place.clone(),
            agent: session.agent.clone(),
            groups: session.groups.clone(),
        })),
    }))
}
