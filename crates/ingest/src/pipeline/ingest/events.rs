//! Events: from what a caller tells to what is stored, and to the session they belong to.

use std::{collections::BTreeMap, sync::Arc};

use paneld_domain::{Event, Referrer, Timestamp};
use paneld_enrich::is_visitors;
use uuid::Uuid;

use super::{
    Arrived,
    devices::Device,
    inner::Inner,
    people::{identify, last_seen, seen},
};
use crate::{
    DeviceId, Diagnostic, EventTime, Ids, PageLocation, TrackedEvent,
    pipeline::{
        record::{Change, Record},
        sessions::{DeviceKey, Held, Live, LiveChange, ViewOrder},
        spool::{Account, Append, RequestKey, SpoolError},
    },
    request::{
        properties,
        text::{LONGEST_OF_EVENT, LONGEST_OF_SDK, cut},
    },
};

/// What an event does: to what is stored, and to the session of its device.
#[derive(Default)]
struct Effect {
    changes: Vec<Change>,
    live: Vec<LiveChange<Live>>,
}

impl Inner {
    pub(super) async fn take_event(
        &self,
        arrived: &Arrived,
        told: TrackedEvent,
        id: Option<Uuid>,
        seen: Option<RequestKey>,
    ) -> Result<Ids, SpoolError> {
        let Arrived {
            target,
            visitor,
            at: arrival,
            ..
        } = arrived;
        // Only who knows the secret may speak for visitors elsewhere.
        let address = told
            .address
            .filter(|address| visitor.is_secret_authenticated && is_visitors(*address))
            .unwrap_or(visitor.address);
        let told_device = told.device_id.clone();
        let moment = EventTime::of_event(told.timestamp.as_ref(), *arrival);
        if let Some(why) = moment.disbelief {
            metrics::counter!("paneld_times_adjusted_total", "reason" => why.name()).increment(1);
            let diagnostic = Diagnostic::of_time(arrived.client, &told.name, why);
            let (owner, project) = (&target.organization, target.key);
            self.diagnostics.note(owner, project, *arrival, diagnostic);
        }
        let known = self.known(visitor, address);
        let identity = told.identified.clone();
        let profile_id = told.profile_id().unwrap_or_default().to_owned();
        let mut event = self.event(arrived, told, id, moment.at, &known);
        let is_server = event.agent.is_server();

        let joined = self.joined(target, &profile_id, told_device.as_ref(), is_server);
        let device = match &told_device {
            Some(device) => Device::Told(device),
            None => Device::Of(visitor, address),
        };
        let (device, held) = self.hold(target, device, joined.as_ref(), moment.at).await;
        let ids = device.ids(target, &held, moment.at);

        let mut effect = Effect::default();
        if let Some(identified) = identity.filter(tells_more) {
            effect
                .changes
                .push(Change::People(identify(identified, &known)));
        }
        let is_wanted = target.wants(&event.name);
        if !is_wanted {
            // It is as if it had not happened.
        } else if moment.is_past {
            event.referrer = Referrer::default();
            event.profile_id = profile_id;
            if event.profile_id.is_empty() {
                // Who has the id of its device is nobody who was identified.
                event.profile_id.clone_from(&ids.device_id);
                event.device_id.clone_from(&ids.device_id);
            }
            effect.changes.push(Change::Event(Box::new(event)));
        } else if is_server {
            event.profile_id = profile_id;
            let live = joined.as_ref().and_then(|device| held.get(device));
            let goes_on = |live: &&Live| live.goes_on(moment.at) && !live.is_ahead(*arrival);
            let live = live.filter(goes_on);
            join(&mut event, live);
            match joined.zip(live.cloned()) {
                // What the session saw is known by its views, whoever tells of them.
                Some((device, mut live)) => {
                    keep(&mut effect.changes, event, &mut live);
                    effect.live.push((device, Some(live)));
                }
                None => effect.changes.push(Change::Event(Box::new(event))),
            }
        } else {
            event.profile_id = match profile_id.as_str() {
                "" => ids.device_id.clone(),
                _ => profile_id,
            };
            event.device_id.clone_from(&ids.device_id);
            event.session_id.clone_from(&ids.session_id);
            visit(arrived, &held, device.key, event, &mut effect);
        }
        let record = Record::new(target.key, *arrival, effect.changes);
        let account = Account::Of(Arc::clone(target));
        let append = Append::with_live(account, record, effect.live).with_seen(seen, &ids);
        self.write(held, append).await?;
        if is_wanted {
            metrics::counter!("paneld_events_accepted_total", "source" => "track").increment(1);
        }
        Ok(ids)
    }

    /// The event, as far as it is known without its session.
    fn event(
        &self,
        arrived: &Arrived,
        told: TrackedEvent,
        id: Option<Uuid>,
        created_at: Timestamp,
        known: &crate::request::visitor::Known,
    ) -> Event {
        let visitor = &arrived.visitor;
        let mut page = PageLocation::parse(&told.path);
        let mut referrer = paneld_enrich::resolve_referrer(&told.referrer, &told.path, &page.query);
        let mut sdk = visitor.sdk.clone();
        for (text, longest) in [
            (&mut page.path, LONGEST_OF_EVENT),
            (&mut page.origin, LONGEST_OF_EVENT),
            (&mut referrer.url, LONGEST_OF_EVENT),
            (&mut referrer.name, LONGEST_OF_EVENT),
            (&mut sdk.name, LONGEST_OF_SDK),
            (&mut sdk.version, LONGEST_OF_SDK),
        ] {
            cut(text, longest);
        }
        let overriding = overriding(&told);
        let agent = paneld_enrich::overridden(&known.agent, overriding);
        let mut all = told.properties;
        let query = page.query.into_iter();
        let query = query.map(|(name, value)| (format!("__query.{name}"), value));
        let hash = ("__hash".to_owned(), page.hash);
        // The page's URL is the visitor's: what it has too much of is no reason to refuse.
        for (name, value) in query.chain([hash]).filter(|(_, value)| !value.is_empty()) {
            if properties::may_be_added(&all, &name, &value) {
                all.insert(name, value);
            }
        }
        if !agent.is_server() {
            let network = known.network.properties();
            all.extend(network.map(|(name, value)| (name.to_owned(), value)));
            if !visitor.is_secret_authenticated {
                let (user_agent, hints) = (&visitor.user_agent, visitor.hints);
                let reasons = paneld_enrich::suspicion(user_agent, hints, &known.network);
                let marks = paneld_enrich::suspicion_properties(&reasons).into_iter();
                all.extend(marks.map(|(name, value)| (name.to_owned(), value)));
            }
        }
        Event {
            id: id.unwrap_or_else(Uuid::new_v4),
            name: told.name,
            device_id: String::new(),
            profile_id: String::new(),
            session_id: String::new(),
            groups: told.groups,
            path: page.path,
            origin: page.origin,
            referrer,
            revenue: told.revenue,
            duration_ms: 0,
            properties: all,
            created_at,
            place: known.place.clone(),
            agent,
            sdk,
            imported_at: None,
        }
    }

    /// The device whose session an event of a server joins: that of the profile, or that which
    /// the caller told.
    fn joined(
        &self,
        target: &crate::Target,
        profile_id: &str,
        told: Option<&DeviceId>,
        is_server: bool,
    ) -> Option<DeviceKey> {
        if !is_server {
            return None;
        }
        let device = match profile_id {
            "" => None,
            profile_id => self.live.device_of(target.key, profile_id),
        };
        device.or_else(|| Some(DeviceKey::new(target.key, told?.as_str().to_owned())))
    }
}

/// What callers tell of the visitor's device wins over what its user agent tells.
fn overriding(told: &TrackedEvent) -> &BTreeMap<String, String> {
    &told.properties
}

/// Whether there is more than an id.
fn tells_more(identified: &crate::Identified) -> bool {
    identified.identity != paneld_domain::Identity::default()
}

/// Gives an event of a server what is known of the visitor's session.
fn join(event: &mut Event, live: Option<&Live>) {
    let Some(Live { session, .. }) = live else {
        event.referrer = Referrer::default();
        return;
    };
    event.device_id.clone_from(&session.device_id);
    event.session_id.clone_from(&session.id);
    if event.profile_id.is_empty() {
        event.profile_id.clone_from(&session.profile_id);
    }
    event.referrer = session.referrer.clone();
    event.path.clone_from(&session.exit_path);
    event.origin.clone_from(&session.exit_origin);
    event.agent = session.agent.clone();
    event.place = session.place.clone();
}

/// Adds an event of a visitor to the session of its device, which it may open.
fn visit(
    arrived: &Arrived,
    held: &Held<'_>,
    device: DeviceKey,
    mut event: Event,
    effect: &mut Effect,
) {
    let Arrived { target, at, .. } = arrived;
    let present = held.get(&device);
    let goes_on = |live: &&Live| live.goes_on(event.created_at) && !live.is_ahead(*at);
    let mut live = match present.filter(goes_on) {
        Some(present) => {
            let mut live = present.clone();
            live.extend(&event, *at);
            if live.session.profile_id != present.session.profile_id {
                effect.changes.extend(last_seen(present));
                effect.changes.push(seen(&live));
            } else if live.is_seen_again_since(present) {
                effect.changes.extend(last_seen(&live));
            }
            inherit(&mut event.referrer, &live.session.referrer);
            live
        }
        None => {
            if let Some(over) = present {
                if !over.is_ended {
                    tell(&mut effect.changes, target, over.end());
                    effect.changes.extend(last_seen(over));
                }
                if over.is_big() {
                    let session = Box::new(over.session.clone());
                    effect.changes.push(Change::Session(session));
                }
            }
            let mut live = Live::open(&event, *at);
            if event.profile_id != event.device_id {
                effect.changes.push(seen(&live));
            }
            open(&mut effect.changes, target, event, &mut live);
            effect.live.push((device, Some(live)));
            return;
        }
    };
    keep(&mut effect.changes, event, &mut live);
    effect.live.push((device, Some(live)));
}

/// Adds the event that opened a session to what is stored, with the start of the session unless
/// the project does not want it.
pub(crate) fn open(
    changes: &mut Vec<Change>,
    target: &crate::Target,
    event: Event,
    live: &mut Live,
) {
    if !target.wants(Event::SESSION_START) {
        return keep(changes, event, live);
    }
    let view = match event.name.as_str() {
        Event::SCREEN_VIEW => live.view(&event).next(),
        _ => None,
    };
    changes.push(Change::Opening(Box::new(event), view));
}

/// Adds an event to what is stored, a screen view with its place among those of its session.
pub(crate) fn keep(changes: &mut Vec<Change>, event: Event, live: &mut Live) {
    if event.name != Event::SCREEN_VIEW {
        changes.push(Change::Event(Box::new(event)));
        return;
    }
    match live.view(&event) {
        ViewOrder::Next(view) => changes.push(Change::View(Box::new(event), view)),
        ViewOrder::Disordered => {
            let span = live.span_with(&event);
            changes.push(Change::Event(Box::new(event)));
            changes.push(Change::Disordered(span));
        }
        ViewOrder::Unknown => changes.push(Change::Event(Box::new(event))),
    }
}

/// Adds an event of the server's own, unless the project does not want it.
pub(crate) fn tell(changes: &mut Vec<Change>, target: &crate::Target, event: Event) {
    if target.wants(&event.name) {
        changes.push(Change::Event(Box::new(event)));
    }
}

/// What is known of a session's referrer wins, field by field.
fn inherit(referrer: &mut Referrer, session: &Referrer) {
    for (own, session) in [
        (&mut referrer.url, &session.url),
        (&mut referrer.name, &session.name),
        (&mut referrer.kind, &session.kind),
    ] {
        if !session.is_empty() {
            own.clone_from(session);
        }
    }
}
