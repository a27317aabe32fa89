//! Lists of events, sessions, profiles and groups, and what is known of one of them.

use paneld_analytics::{
    AnswerRoom, EventsRequest, GroupsRequest, ProfilesRequest, SessionsRequest, Shown,
};
use paneld_domain::{Event, Group, Profile, Session, Timestamp};
use paneld_events::{Members, ProfileNumbers};
use paneld_repository::Resource;

use super::{Reports, Subject};
use crate::ServiceError;

/// What was counted of a profile over all of its time.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileMetrics {
    /// Its own id, also when an alias was asked for.
    pub profile_id: String,
    /// When it was seen first and last, if it is known.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// What was counted of its events and sessions.
    pub numbers: ProfileNumbers,
}

impl ProfileMetrics {
    /// The mean duration of its sessions, in minutes.
    pub fn mean_session_minutes(&self) -> Option<f64> {
        self.numbers.mean_session_ms.map(minutes)
    }

    /// The duration in minutes which nine of ten of its sessions do not exceed.
    pub fn p90_session_minutes(&self) -> Option<f64> {
        self.numbers.p90_session_ms.map(minutes)
    }

    /// The mean number of events a session.
    pub fn events_per_session(&self) -> Option<f64> {
        let sessions = self.numbers.session_starts;
        let per_session = self.numbers.events as f64 / sessions as f64;
        (sessions > 0).then(|| rounded(per_session, 100.0))
    }

    /// The mean time from one session to the next, in seconds; 0 when there are no two.
    pub fn seconds_between_sessions(&self) -> f64 {
        let Some((first, last)) = self.seen.filter(|_| self.numbers.session_starts > 1) else {
            return 0.0;
        };
        let seconds = (last - first).num_milliseconds() as f64 / 1_000.0;
        rounded(seconds / (self.numbers.session_starts - 1) as f64, 10.0)
    }

    /// How many of a hundred sessions bounced.
    pub fn bounce_rate(&self) -> Option<f64> {
        let sessions = self.numbers.sessions;
        let share = self.numbers.bounces as f64 / sessions as f64;
        (sessions > 0).then(|| rounded(share * 100.0, 100.0))
    }
}

fn minutes(ms: f64) -> f64 {
    rounded(ms / 60_000.0, 100.0)
}

/// To tenths, hundredths and so on.
fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

/// A group, and who belongs to it.
#[derive(Debug, Clone)]
pub struct GroupWithMembers {
    /// The group, as far as an answer has room for it.
    pub group: Shown<Group>,
    /// The profiles that belong to it.
    pub members: Members,
}

impl Reports {
    /// Events, newest first.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn find_events(
        &self,
        subject: &Subject,
        request: EventsRequest,
    ) -> Result<Vec<Event>, ServiceError> {
        Ok(self
            .store(subject)
            .find_events(subject.scope(), request)
            .await?)
    }

    /// Sessions, newest first.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn find_sessions(
        &self,
        subject: &Subject,
        request: SessionsRequest,
    ) -> Result<Vec<Session>, ServiceError> {
        Ok(self
            .store(subject)
            .find_sessions(subject.scope(), request)
            .await?)
    }

    /// The ids under which what somebody did may be stored: this one, and that of the profile
    /// which it names.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn ids_of(&self, subject: &Subject, id: String) -> Result<Vec<String>, ServiceError> {
        let project = subject.project.key;
        let resolved = self.repository.resolve_alias(project, &id).await?;
        let mut ids = vec![id, resolved];
        ids.dedup();
        Ok(ids)
    }

    /// The names of events, the most frequent first.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn event_names(
        &self,
        subject: &Subject,
        limit: u32,
    ) -> Result<Vec<String>, ServiceError> {
        Ok(self
            .store(subject)
            .event_names(subject.project.key, limit)
            .await?)
    }

    /// The keys of properties with the names of the events that have them; of one event, if it
    /// is given. In the order of the keys.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn property_keys(
        &self,
        subject: &Subject,
        event: Option<String>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, ServiceError> {
        let store = self.store(subject);
        let keys = store.property_keys(subject.project.key, event, limit);
        Ok(keys.await?)
    }

    /// What a property of events of this name was, the latest first.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn property_values(
        &self,
        subject: &Subject,
        event: String,
        key: String,
        limit: u32,
    ) -> Result<Vec<String>, ServiceError> {
        let project = subject.project.key;
        let store = self.store(subject);
        let values = store.property_values(project, event, key, limit);
        Ok(values.await?)
    }

    /// Profiles, by the time when they were first seen.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn list_profiles(
        &self,
        subject: &Subject,
        request: ProfilesRequest,
    ) -> Result<Vec<Shown<Profile>>, ServiceError> {
        Ok(self
            .store(subject)
            .list_profiles(subject.scope(), request)
            .await?)
    }

    /// The newest sessions of a profile; none of one that is not known.
    ///
    /// # Errors
    /// When a store is away.
    pub async fn profile_sessions(
        &self,
        subject: &Subject,
        id: &str,
        limit: u32,
    ) -> Result<Vec<Session>, ServiceError> {
        let project = subject.project.key;
        let id = self.repository.resolve_alias(project, id).await?;
        Ok(self
            .store(subject)
            .profile_sessions(project, id, limit)
            .await?)
    }

    /// Figures of a profile; zeros of one that is not known.
    ///
    /// # Errors
    /// When a store is away.
    pub async fn profile_metrics(
        &self,
        subject: &Subject,
        id: &str,
    ) -> Result<ProfileMetrics, ServiceError> {
        let project = subject.project.key;
        let profile_id = self.repository.resolve_alias(project, id).await?;
        let profile = self.repository.get_profile(project, &profile_id).await?;
        let zone = subject.zone;
        let store = self.store(subject);
        let numbers = store.profile_numbers(project, profile_id.clone(), zone);
        Ok(ProfileMetrics {
            numbers: numbers.await?,
            seen: profile.map(|profile| (profile.created_at, profile.last_seen_at)),
            profile_id,
        })
    }

    /// The types of all groups.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn list_group_types(&self, subject: &Subject) -> Result<Vec<String>, ServiceError> {
        Ok(self
            .store(subject)
            .list_group_types(subject.project.key)
            .await?)
    }

    /// Groups, newest first.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn list_groups(
        &self,
        subject: &Subject,
        request: GroupsRequest,
    ) -> Result<Vec<Shown<Group>>, ServiceError> {
        Ok(self
            .store(subject)
            .list_groups(subject.project.key, request)
            .await?)
    }

    /// A group, and the newest profiles that belong to it.
    ///
    /// # Errors
    /// When there is no such group, or a store is away.
    pub async fn group(
        &self,
        subject: &Subject,
        id: &str,
        member_limit: u32,
    ) -> Result<GroupWithMembers, ServiceError> {
        let project = subject.project.key;
        let group = self.repository.get_group(project, id).await?;
        let group = group.ok_or(ServiceError::NotFound(Resource::Group))?;
        let store = self.store(subject);
        let members = store.group_members(project, group.id.clone(), member_limit);
        Ok(GroupWithMembers {
            members: members.await?,
            group: AnswerRoom::default().show(group),
        })
    }
}
