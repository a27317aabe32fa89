//! From what is tracked to what it changes.

use std::sync::Arc;

use paneld_domain::{PeopleChange, ProfileChange, ProfileChangeKind, ReplayChunk};

use super::{Arrived, devices::Device, inner::Inner, people::identify};
use crate::{
    Ids, Input, Recording, Tracked,
    pipeline::{
        record::{Change, Record},
        spool::{Account, Append, RequestKey, SpoolError},
    },
};

impl Inner {
    /// Takes what was tracked, unless it was taken before.
    pub(super) async fn track(
        &self,
        arrived: Arrived,
        tracked: Tracked,
    ) -> Result<Ids, SpoolError> {
        let duplicate = match arrived
            .fingerprint
            .filter(|_| tracked.input.may_be_duplicate())
        {
            Some(fingerprint) => Some(self.duplicates.hold(fingerprint).await),
            None => None,
        };
        if let Some(first) = duplicate.as_ref().and_then(|held| held.first()) {
            return Ok(first);
        }
        let seen = tracked.id.map(|id| RequestKey {
            project: arrived.target.key,
            id,
            at: arrived.at.timestamp_millis(),
        });
        let once = self.hold_ids(seen.as_slice()).await;
        if let Some(seen) = seen
            && let Some(first) = self.spool.seen(seen).await?
        {
            return Ok(first);
        }
        let ids = self.take(&arrived, tracked, seen).await?;
        drop(once);
        if let Some(held) = duplicate {
            held.remember(ids.clone());
        }
        Ok(ids)
    }

    async fn take(
        &self,
        arrived: &Arrived,
        tracked: Tracked,
        seen: Option<RequestKey>,
    ) -> Result<Ids, SpoolError> {
        let Arrived {
            target,
            visitor,
            at,
            ..
        } = arrived;
        let event = match tracked.input {
            Input::Event(event) => return self.take_event(arrived, *event, tracked.id, seen).await,
            other => other,
        };
        let (device, held) = self.hold(target, Device::of(visitor), None, *at).await;
        let ids = device.ids(target, &held, *at);
        let mut live = Vec::new();
        let changes = match event {
            Input::Event(_) => Vec::new(),
            Input::Identify(identified) => {
                let known = self.known(visitor, visitor.address);
                vec![Change::People(identify(*identified, &known))]
            }
            Input::Add {
                profile_id,
                property,
                by,
            } => vec![of_profile(
                profile_id,
                ProfileChangeKind::Added { property, by },
            )],
            // Anybody could say so who knows a client's id; what is there is changed by nobody else
            // than who knows the secret.
            Input::Alias { profile_id, alias } if visitor.is_secret_authenticated => {
                vec![Change::People(PeopleChange::Alias { alias, profile_id })]
            }
            Input::Alias { profile_id, alias } => {
                let claim = PeopleChange::ClaimAlias { alias, profile_id };
                vec![Change::People(claim)]
            }
            Input::Group {
                id,
                kind,
                name,
                properties,
            } => vec![Change::People(PeopleChange::Group {
                id,
                kind,
                name,
                properties,
            })],
            Input::AssignGroups {
                profile_id: Some(profile_id),
                groups,
            } => vec![of_profile(profile_id, ProfileChangeKind::Joined { groups })],
            // An anonymous visitor is what its sessions tell; a server is no visitor.
            Input::AssignGroups {
                profile_id: None,
                groups,
            } => match held.get(&device.key) {
                Some(present) if !self.agents.read(&visitor.user_agent).is_server() => {
                    let mut changed = present.clone();
                    changed.join(groups);
                    live.push((device.key, Some(changed)));
                    Vec::new()
                }
                _ => Vec::new(),
            },
            Input::Replay(recording) => vec![Change::Replay(Box::new(chunk(*recording, &ids)))],
        };
        let record = Record::new(target.key, *at, changes);
        let account = Account::Of(Arc::clone(target));
        let append = Append::with_live(account, record, live).with_seen(seen, &ids);
        self.write(held, append).await?;
        Ok(ids)
    }
}

fn of_profile(profile_id: String, kind: ProfileChangeKind) -> Change {
    Change::People(PeopleChange::Profile(ProfileChange { profile_id, kind }))
}

fn chunk(recording: Recording, ids: &Ids) -> ReplayChunk {
    ReplayChunk {
        session_id: recording
            .session_id
            .unwrap_or_else(|| ids.session_id.clone()),
        index: recording.index,
        events_count: recording.events_count,
        is_full_snapshot: recording.is_full_snapshot,
        started_at: recording.started_at,
        ended_at: recording.ended_at,
        payload: recording.payload,
    }
}
