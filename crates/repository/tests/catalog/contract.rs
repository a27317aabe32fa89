//! The contract that every backend keeps.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use paneld_auth::{CredentialStore as _, PlainSecret, SecretHash};
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientType, NewClient, NewReference, OrganizationChanges,
    PageRequest, ProjectChanges, ReferenceId, Timestamp, parse_timestamp,
};
use paneld_repository::{
    Act, Action, Actor, AuditFilter, Bootstrap, DueProject, Once, Outcome, ReplyKey, Repository,
    RepositoryError, Resource, RootRule,
};

use crate::world::{
    World, act, credentials, delete_client, name, new_client, new_project, now, seconds,
};

pub(crate) async fn times_keep_their_microseconds_and_their_order(world: World) {
    let second = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
    // Texts of different lengths: no fraction, three digits, six digits.
    let times = [0, 1, 1_000, 123_456, 500_000].map(|us| second + Duration::from_micros(us));
    for at in times {
        world.create_client(ClientType::Root, at).await;
    }
    let organization = world.organization.id.clone();
    let listed = world
        .repository
        .list_clients(organization, None, PageRequest::default());
    let listed = listed.await.unwrap().items;
    let found = listed.iter().rev().map(|client| client.created_at);
    assert_eq!(found.collect::<Vec<_>>(), times);

    // The ends of the calendar too.
    for text in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
        let at = parse_timestamp(text).unwrap();
        let made = world.create_client(ClientType::Root, at).await;
        let organization = world.organization.id.clone();
        let found = world.repository.get_client(organization, made.id).await;
        assert_eq!(found.unwrap(), made);
    }
}

pub(crate) async fn pages_of_ties_neither_lose_nor_repeat(world: World) {
    for _ in 0..25 {
        world.create_client(ClientType::Root, now()).await;
    }
    let mut page = PageRequest {
        limit: Some(4),
        after: None,
    };
    let mut seen = Vec::new();
    loop {
        let organization = world.organization.id.clone();
        let part = world
            .repository
            .list_clients(organization, None, page.clone());
        let part = part.await.unwrap();
        seen.extend(part.items.iter().map(|client| client.id.to_string()));
        page.after = part.next;
        if page.after.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (25, &sorted));
}

pub(crate) async fn what_is_not_there_stays_so(world: World) {
    let project = world.create_project().await;
    let made = world.create_client(ClientType::Root, now()).await;
    let set = ClientChanges {
        expires_at: Some(Some(now() + seconds(60))),
        cors: Some(Some(Vec::new())),
        rate_limits: Some(Some(paneld_domain::ClientRateLimits::default())),
        ..ClientChanges::default()
    };
    let unset = ClientChanges {
        expires_at: Some(None),
        cors: Some(None),
        rate_limits: Some(None),
        ..ClientChanges::default()
    };
    for (changes, is_set) in [(set, true), (unset, false)] {
        let organization = &world.organization.id;
        let rule = RootRule::Overridden;
        let updated =
            world
                .repository
                .update_client(organization.clone(), made.id, changes, rule, act());
        let updated = updated.await.unwrap();
        let found = world.repository.get_client(organization.clone(), made.id);
        assert_eq!(found.await.unwrap(), updated);
        // Nothing allowed is not the same as nothing said.
        assert_eq!(updated.cors.is_some(), is_set);
        assert_eq!(updated.rate_limits.is_some(), is_set);
        assert_eq!(updated.expires_at.is_some(), is_set);
    }
    assert_eq!(project.domain, None);
    assert_eq!(project.retention_days, None);
    assert_eq!(project.delete_at, None);
}

/// The root that the first one sees is the one that the second removes, unless they are in line.
pub(crate) async fn of_two_that_remove_the_last_roots_one_wins(world: World) {
    let other = world.another_process().await;
    for round in 0..20 {
        let organization = world
            .repository
            .create_organization(name("Two roots"), act());
        let organization = organization.await.unwrap();
        let mut roots = Vec::new();
        for _ in 0..2 {
            let new = new_client(ClientType::Root);
            let id = organization.id.clone();
            let made = world
                .repository
                .create_client(id, new, credentials(), act(), None);
            roots.push(made.await.unwrap().made().unwrap().id);
        }
        let (a, b) = tokio::join!(
            delete_client(&world.repository, &organization, roots[0]),
            delete_client(&other, &organization, roots[1])
        );
        let wins = [&a, &b].into_iter().filter(|result| result.is_ok()).count();
        assert_eq!(wins, 1, "round {round}: {a:?} {b:?}");
        let loses = |result| matches!(result, Err(RepositoryError::LastRoot));
        assert!(loses(a) || loses(b));
    }
}

pub(crate) async fn of_two_that_begin_one_wins(world: World) {
    let other = world.another_process().await;
    let ids = [(); 6].map(|()| credentials());
    let begin = ids.iter().enumerate().map(|(index, given)| {
        let repository = if index % 2 == 0 {
            &world.repository
        } else {
            &other
        };
        let client = new_client(ClientType::Root);
        repository.bootstrap(
            Some(name("Ours")),
            name("Mine"),
            client,
            given.clone(),
            act(),
        )
    });
    for outcome in join_all(begin).await {
        assert_eq!(outcome.unwrap(), Bootstrap::Created);
    }
    let organizations = world.repository.list_organizations().await.unwrap();
    let ids = organizations.iter().map(|found| found.id.as_str());
    assert_eq!(ids.collect::<Vec<_>>(), ["acme", "ours"]);

    let client = new_client(ClientType::Root);
    let begun = other.begin(name("Mine"), client, credentials(), act());
    assert!(!begun.await.unwrap());
}

/// Two that read, change and write the same row must not undo each other.
pub(crate) async fn changes_side_by_side_are_all_kept(world: World) {
    let client = world.create_client(ClientType::Root, now()).await;
    let other = world.another_process().await;
    let organization = &world.organization.id;
    for round in 0..20 {
        let renamed = ClientChanges {
            name: Some(name(&format!("Name {round}"))),
            ..ClientChanges::default()
        };
        let end = now() + seconds(1_000 + round);
        let ended = ClientChanges {
            expires_at: Some(Some(end)),
            ..ClientChanges::default()
        };
        let rule = RootRule::Overridden;
        let (a, b) = tokio::join!(
            world
                .repository
                .update_client(organization.clone(), client.id, renamed, rule, act()),
            other.update_client(organization.clone(), client.id, ended, rule, act()),
        );
        a.unwrap();
        b.unwrap();
        let found = world.repository.get_client(organization.clone(), client.id);
        let found = found.await.unwrap();
        assert_eq!(found.name.to_string(), format!("Name {round}"));
        assert_eq!(found.expires_at, Some(end));
    }
}

/// Uses are written down without waiting for those who change the client.
pub(crate) async fn a_use_is_not_undone_by_a_change(world: World) {
    let client = world.create_client(ClientType::Root, now()).await;
    let organization = world.organization.id.clone();
    for round in 0..20 {
        let used_at = now() + seconds(round);
        let renamed = ClientChanges {
            name: Some(name(&format!("Name {round}"))),
            ..ClientChanges::default()
        };
        let (used, updated) = tokio::join!(
            world
                .repository
                .record_uses(BTreeMap::from([(client.id, used_at)])),
            world.repository.update_client(
                organization.clone(),
                client.id,
                renamed,
                RootRule::Overridden,
                act()
            ),
        );
        used.unwrap();
        updated.unwrap();
        let found = world.repository.get_client(organization.clone(), client.id);
        assert_eq!(found.await.unwrap().last_used_at, Some(used_at));
    }
}

/// What actix does to the future of a caller that goes away, and what breaks Diesel's
/// connections unless units of work run on tasks of their own.
pub(crate) async fn a_caller_that_goes_away_breaks_nothing(world: World) {
    // An actix worker: a runtime of one thread.
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            for round in 0..50 {
                let creating = world.repository.create_project_with_client(
                    world.organization.id.clone(),
                    new_project(),
                    new_client(ClientType::Write),
                    credentials(),
                    act(),
                    None,
                );
                // Dropped at the first, second, third … point where it waits.
                let patience = Duration::from_micros(round * 40);
                let _ = tokio::time::timeout(patience, creating).await;
            }
            // The next, innocent ones.
            let organization = world.organization.id.clone();
            let listed =
                world
                    .repository
                    .list_projects(organization, false, PageRequest::default());
            listed.await.unwrap();
            world.create_client(ClientType::Root, now()).await;
        });
        world
    });
    // The world may be removed by this runtime only.
    drop(worker.join().unwrap());
}

/// More writers than there are connections, and one who does not let go.
pub(crate) async fn waiting_writers_are_turned_away_and_come_back(world: World) {
    let organization = &world.organization.id;
    let rename = || {
        let changes = OrganizationChanges {
            name: Some(name("Renamed")),
            zone: None,
        };
        world
            .repository
            .update_organization(organization.clone(), changes, act())
    };
    let waiting = join_all((0..20).map(|_| rename()));
    for result in world.place.while_held(organization, waiting).await {
        let error = result.unwrap_err();
        assert!(
            matches!(error, RepositoryError::Unavailable(_)),
            "{error:?}"
        );
    }
    rename().await.unwrap();
}

pub(crate) async fn an_earlier_use_does_not_replace_a_later_one(world: World) {
    let client = world.create_client(ClientType::Root, now()).await;
    let later = now() + seconds(60);
    for used_at in [later, now()] {
        let uses = BTreeMap::from([(client.id, used_at)]);
        world.repository.record_uses(uses).await.unwrap();
    }
    let found = world
        .repository
        .find_credentials(client.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.client.last_used_at, Some(later));
}

pub(crate) async fn organizations_of_the_same_name_have_ids_of_their_own(world: World) {
    let second = world
        .repository
        .create_organization(name("Acme"), act())
        .await
        .unwrap();
    assert_eq!(world.organization.id.as_str(), "acme");
    assert!(second.id.as_str().starts_with("acme-"));
}

pub(crate) async fn projects_of_the_same_name_have_ids_of_their_own_at_once(world: World) {
    let other = world.another_process().await;
    let elsewhere = other.create_organization(name("Elsewhere"), act());
    let elsewhere = elsewhere.await.unwrap();
    let create = (0..10).map(|index| {
        let (repository, organization) = match index % 2 {
            0 => (&world.repository, &world.organization),
            _ => (&other, &elsewhere),
        };
        repository.create_project_with_client(
            organization.id.clone(),
            new_project(),
            new_client(ClientType::Write),
            credentials(),
            act(),
            None,
        )
    });
    let made = join_all(create)
        .await
        .into_iter()
        .map(|made| made.unwrap().made().unwrap());
    let (mut ids, mut keys): (Vec<_>, Vec<_>) = made
        .map(|project| (project.id.to_string(), project.key.0))
        .unzip();
    ids.sort();
    ids.dedup();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((ids.len(), keys.len()), (10, 10));
}

/// A secret that was replaced, and whose grace is over, is another secret.
pub(crate) async fn bootstrapping_knows_which_secrets_still_work(world: World) {
    let given = credentials();
    let bootstrap = async |at: Timestamp| {
        let client = new_client(ClientType::Root);
        let credentials = given.clone();
        let outcome = world.repository.bootstrap(
            None,
            name("Mine"),
            client,
            credentials,
            Act::of_operator(at),
        );
        outcome.await.unwrap()
    };
    assert_eq!(bootstrap(now()).await, Bootstrap::Created);
    assert_eq!(
        bootstrap(now()).await,
        Bootstrap::Present { same_secret: true }
    );

    let end = now() + seconds(60);
    let organization = world.organization.id.clone();
    let hash = SecretHash::of(&PlainSecret::generate());
    let rotated =
        world
            .repository
            .rotate_secret(organization, given.id, hash, Some(end), act(), None);
    rotated.await.unwrap();
    let just_before = end - Duration::from_micros(1);
    assert_eq!(
        bootstrap(just_before).await,
        Bootstrap::Present { same_secret: true }
    );
    assert_eq!(
        bootstrap(end).await,
        Bootstrap::Present { same_secret: false }
    );

    world.create_client(ClientType::Root, now()).await;
    delete_client(&world.repository, &world.organization, given.id)
        .await
        .unwrap();
    assert_eq!(bootstrap(end).await, Bootstrap::Deleted);
}

/// Everyone may call their own organization as they like.
pub(crate) async fn bootstrapping_does_not_fall_for_a_name(world: World) {
    let changes = OrganizationChanges {
        name: Some(name("Operators")),
        zone: None,
    };
    let tenant = world.organization.id.clone();
    let renamed = world.repository.update_organization(tenant, changes, act());
    renamed.await.unwrap();
    let given = credentials();
    let (asked, other) = (Some(name("Operators")), name("Mine"));
    let client = new_client(ClientType::Root);
    let made = world
        .repository
        .bootstrap(asked, other, client, given.clone(), act());
    assert_eq!(made.await.unwrap(), Bootstrap::Created);
    let found = world
        .repository
        .find_credentials(given.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.organization.id.as_str(), "operators");
}

pub(crate) async fn a_purge_takes_all_that_hangs_on_a_project(world: World) {
    let repository = &world.repository;
    let organization = &world.organization.id;
    let project = world.create_project().await;
    let reference = NewReference {
        project_id: project.id.clone(),
        title: name("Released"),
        description: None,
        date: now(),
    };
    let id = ReferenceId::random(&mut rand::rng());
    let made = repository.create_reference(organization.clone(), reference, id, act(), None);
    made.await.unwrap();
    let bound = NewClient {
        project_id: Some(project.id.clone()),
        ..new_client(ClientType::Read)
    };
    let bound = repository.create_client(organization.clone(), bound, credentials(), act(), None);
    let bound = bound.await.unwrap().made().unwrap();

    let due = now() + seconds(60);
    let rule = RootRule::Overridden;
    let deleted =
        repository.delete_project(organization.clone(), project.id.clone(), rule, act(), due);
    deleted.await.unwrap();
    assert_eq!(repository.list_projects_due(now()).await.unwrap(), []);
    let listed = repository.list_projects_due(due).await.unwrap();
    let expected = DueProject {
        key: project.key,
        id: project.id.to_string(),
        organization_id: organization.clone(),
    };
    assert_eq!(listed, [expected]);

    // Restored just before: the purge sees that it is not due any more.
    let restored = repository.restore_project(organization.clone(), project.id.clone(), act());
    restored.await.unwrap();
    let purge = || repository.purge_project(organization.clone(), project.key, due, act());
    assert!(!purge().await.unwrap());
    let deleted =
        repository.delete_project(organization.clone(), project.id.clone(), rule, act(), due);
    deleted.await.unwrap();
    assert!(purge().await.unwrap());
    assert!(!purge().await.unwrap());

    let found = repository.find_credentials(bound.id).await.unwrap();
    assert!(found.is_none());
    let updated = repository.update_project(
        organization.clone(),
        project.id.clone(),
        ProjectChanges::default(),
        act(),
    );
    let gone = updated.await.unwrap_err();
    assert!(matches!(gone, RepositoryError::NotFound(Resource::Project)));
    // Its id is not given out again.
    assert_ne!(world.create_project().await.id, project.id);
}

pub(crate) async fn every_change_has_its_entry_and_nothing_else_has(world: World) {
    let repository = &world.repository;
    let organization = &world.organization.id;
    let by = Act {
        at: now() + seconds(1),
        by: Some(Actor {
            client_id: ClientId::random(&mut rand::rng()),
            peer_address: "2001:db8::7".parse().unwrap(),
            request_id: "request-1".to_owned(),
        }),
    };
    let client = world.create_client(ClientType::Root, now()).await;
    let update = async |changes: ClientChanges| {
        let updated = repository.update_client(
            organization.clone(),
            client.id,
            changes,
            RootRule::Overridden,
            by.clone(),
        );
        updated.await.unwrap();
    };
    let disabled = ClientChanges {
        enabled: Some(false),
        ..ClientChanges::default()
    };
    update(disabled.clone()).await;
    // Nothing changes, once because nothing is asked for, once because it is so already.
    update(ClientChanges::default()).await;
    update(disabled).await;

    let filter = AuditFilter {
        resource: Some(Resource::Client),
        resource_id: Some(client.id.to_string()),
    };
    let listed =
        repository.list_audit_entries(organization.clone(), filter, PageRequest::default());
    let entries = listed.await.unwrap().items;
    let actions = entries.iter().map(|entry| entry.action);
    assert_eq!(
        actions.collect::<Vec<_>>(),
        [Action::Update, Action::Create]
    );
    assert_eq!((&entries[0].act, &entries[1].act), (&by, &act()));
    let changes = serde_json::to_value(&entries[0].changes).unwrap();
    let expected = serde_json::json!({"enabled": {"from": true, "to": false}});
    assert_eq!(changes, expected);

    // All of them, in parts, each once.
    let mut page = PageRequest {
        limit: Some(1),
        after: None,
    };
    let mut seen = Vec::new();
    loop {
        let filter = AuditFilter::default();
        let part = repository.list_audit_entries(organization.clone(), filter, page.clone());
        let part = part.await.unwrap();
        seen.extend(part.items.into_iter().map(|entry| entry.id));
        page.after = part.next;
        if page.after.is_none() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    // The organization, and the two of the client.
    assert_eq!(seen.len(), 3);

    let elsewhere = repository.create_organization(name("Elsewhere"), act());
    let elsewhere = elsewhere.await.unwrap();
    let theirs =
        repository.list_audit_entries(elsewhere.id, AuditFilter::default(), PageRequest::default());
    assert_eq!(theirs.await.unwrap().items.len(), 1);
}

pub(crate) async fn what_fails_leaves_no_entry(world: World) {
    let root = world.create_client(ClientType::Root, now()).await;
    let entries = async || {
        let organization = world.organization.id.clone();
        let filter = AuditFilter::default();
        let listed =
            world
                .repository
                .list_audit_entries(organization, filter, PageRequest::default());
        listed.await.unwrap().items
    };
    let before = entries().await;
    let deleted = delete_client(&world.repository, &world.organization, root.id).await;
    assert!(matches!(deleted, Err(RepositoryError::LastRoot)));
    assert_eq!(entries().await, before);
    let organization = world.organization.id.clone();
    let found = world.repository.get_client(organization, root.id).await;
    assert_eq!(found.unwrap(), root);
}

/// Asks for a client to be made at most once; the kept reply is its id.
fn once_under(client: ClientId, digest: u8) -> Once<Client> {
    Once {
        key: ReplyKey {
            client_id: client,
            digest: [digest; 32],
        },
        seal: Box::new(|made| Ok(made.id.to_string().into_bytes())),
    }
}

async fn create_once(
    repository: &Repository,
    world: &World,
    at: Timestamp,
    once: Once<Client>,
) -> Result<Outcome<Client>, RepositoryError> {
    repository
        .create_client(
            world.organization.id.clone(),
            new_client(ClientType::Root),
            credentials(),
            Act::of_operator(at),
            Some(once),
        )
        .await
}

fn kept(outcome: Outcome<Client>) -> Option<String> {
    match outcome {
        Outcome::Made(_) => None,
        Outcome::Kept(sealed) => Some(String::from_utf8(sealed).unwrap()),
    }
}

pub(crate) async fn what_is_made_once_leaves_its_reply_for_a_day(world: World) {
    let caller = world.create_client(ClientType::Root, now()).await.id;
    let other = world.create_client(ClientType::Root, now()).await.id;
    let at = async |after: u64, client: ClientId, digest: u8| {
        let at = now() + seconds(after);
        let made = create_once(&world.repository, &world, at, once_under(client, digest));
        made.await.unwrap()
    };
    const DAY: u64 = 24 * 60 * 60;
    let first = at(0, caller, 1).await.made().unwrap().id.to_string();
    assert_eq!(kept(at(DAY - 1, caller, 1).await), Some(first.clone()));
    assert_eq!(kept(at(0, caller, 2).await), None);
    assert_eq!(kept(at(0, other, 1).await), None);
    // A day later it is a new request, whether the old reply was forgotten or not.
    assert_eq!(kept(at(DAY, caller, 1).await), None);
    let forget = world.repository.forget_replies(now() + seconds(DAY));
    forget.await.unwrap();
    assert_eq!(kept(at(DAY, other, 1).await), None);
    assert_ne!(kept(at(DAY + 1, caller, 1).await), Some(first));
}

/// Deleting the caller takes its replies along, and does not stumble over them.
pub(crate) async fn a_deleted_caller_leaves_no_replies(world: World) {
    let caller = world.create_client(ClientType::Root, now()).await.id;
    let made = create_once(&world.repository, &world, now(), once_under(caller, 1));
    made.await.unwrap();
    let deleted = delete_client(&world.repository, &world.organization, caller);
    deleted.await.unwrap();
}

/// While one is at work on it, nobody waits for it, and nobody does it a second time.
pub(crate) async fn what_is_made_once_is_not_waited_for(world: World) {
    let caller = world.create_client(ClientType::Root, now()).await.id;
    let create = || create_once(&world.repository, &world, now(), once_under(caller, 1));
    let mut attempts = world
        .place
        .while_held(&world.organization.id, async {
            let mut attempts = (0..3)
                .map(|_| Box::pin(create()))
                .collect::<FuturesUnordered<_>>();
            // One waits for the organization. The others are told so at once.
            for _ in 0..2 {
                let told = attempts.next().await.unwrap().unwrap_err();
                assert!(matches!(told, RepositoryError::Running), "{told:?}");
            }
            attempts
        })
        .await;
    let made = attempts.next().await.unwrap().unwrap().made().unwrap();
    assert_eq!(kept(create().await.unwrap()), Some(made.id.to_string()));
    let listed =
        world
            .repository
            .list_clients(world.organization.id.clone(), None, PageRequest::default());
    assert_eq!(listed.await.unwrap().items.len(), 2);
}

pub(crate) async fn what_fails_leaves_no_reply(world: World) {
    let caller = world.create_client(ClientType::Root, now()).await.id;
    let fail = Once {
        seal: Box::new(|_| Err("it cannot be sealed".into())),
        ..once_under(caller, 1)
    };
    let failed = create_once(&world.repository, &world, now(), fail).await;
    assert!(matches!(failed, Err(RepositoryError::Internal(_))));
    let again = create_once(&world.repository, &world, now(), once_under(caller, 1));
    assert_eq!(kept(again.await.unwrap()), None);
}
