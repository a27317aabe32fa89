//! The contract that every backend keeps for profiles, groups, aliases and salts.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use paneld_domain::{
    Agent, Group, Identity, PeopleChange, Place, Profile, ProfileChange, ProfileChangeKind,
    ProfileEdit, ProjectChanges, ProjectKey, RetentionDays, Sighting, Timestamp,
    bounds::{MOST_ALIASES, MOST_GROUPS, MOST_PROPERTY_BYTES, size_of},
    parse_timestamp,
};
use paneld_repository::{Applied, CopyOf, PeopleIds, Repository, RepositoryError, RootRule};

use crate::world::{World, act, now, seconds};

type Change = (ProjectKey, Timestamp, PeopleChange);

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    pairs.iter().map(owned).collect()
}

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

fn profile(id: &str, kind: ProfileChangeKind) -> PeopleChange {
    PeopleChange::Profile(ProfileChange {
        profile_id: id.to_owned(),
        kind,
    })
}

fn identify(id: &str, first_name: &str, properties: &[(&str, &str)]) -> PeopleChange {
    let identity = Identity {
        first_name: first_name.to_owned(),
        properties: texts(properties),
        ..Identity::default()
    };
    profile(id, ProfileChangeKind::Identified(Box::new(identity)))
}

fn add(id: &str, property: &str, by: f64) -> PeopleChange {
    let property = property.to_owned();
    profile(id, ProfileChangeKind::Added { property, by })
}

fn join(id: &str, groups: &[&str]) -> PeopleChange {
    let groups = ids(groups);
    profile(id, ProfileChangeKind::Joined { groups })
}

fn group(id: &str, name: &str, properties: &[(&str, &str)]) -> PeopleChange {
    PeopleChange::Group {
        id: id.to_owned(),
        kind: "company".to_owned(),
        name: name.to_owned(),
        properties: texts(properties),
    }
}

fn alias(alias: &str, profile_id: &str) -> PeopleChange {
    PeopleChange::Alias {
        alias: alias.to_owned(),
        profile_id: profile_id.to_owned(),
    }
}

fn claim(alias: &str, profile_id: &str) -> PeopleChange {
    PeopleChange::ClaimAlias {
        alias: alias.to_owned(),
        profile_id: profile_id.to_owned(),
    }
}

fn erase(profile_id: &str) -> PeopleChange {
    PeopleChange::EraseProfile {
        profile_id: profile_id.to_owned(),
    }
}

/// A project, and changes of its people.
struct Shop<'a> {
    repository: &'a Repository,
    key: ProjectKey,
    position: u64,
}

impl<'a> Shop<'a> {
    async fn open(world: &'a World) -> Self {
        Self {
            repository: &world.repository,
            key: world.create_project().await.key,
            position: 0,
        }
    }

    /// Applies changes that came one second after the other, as one batch.
    async fn apply<const N: usize>(&mut self, changes: [PeopleChange; N]) -> Applied {
        self.position += 1;
        let changes = at_seconds(self.key, changes);
        let applied = self
            .repository
            .apply_people("spool", self.position, changes);
        applied.await.unwrap()
    }

    async fn profile(&self, id: &str) -> Option<Profile> {
        self.repository.get_profile(self.key, id).await.unwrap()
    }

    async fn group(&self, id: &str) -> Option<Group> {
        self.repository.get_group(self.key, id).await.unwrap()
    }

    async fn property(&self, id: &str, name: &str) -> String {
        self.profile(id).await.unwrap().properties[name].clone()
    }
}

fn at_seconds(key: ProjectKey, changes: impl IntoIterator<Item = PeopleChange>) -> Vec<Change> {
    let timed = (0..).zip(changes);
    timed
        .map(|(second, change)| (key, now() + seconds(second), change))
        .collect()
}

pub(crate) async fn what_is_told_of_a_profile_is_merged(world: World) {
    let mut shop = Shop::open(&world).await;
    let sighting = Sighting {
        path: "/start".to_owned(),
        place: Place {
            country: "SE".to_owned(),
            ..Place::default()
        },
        agent: Agent {
            os: "iOS".to_owned(),
            device: "mobile".to_owned(),
            ..Agent::default()
        },
        groups: ids(&["acme"]),
        ..Sighting::default()
    };
    let seen = profile("anna", ProfileChangeKind::Seen(Box::new(sighting)));
    shop.apply([identify("anna", "Anna", &[("plan", "free")]), seen])
        .await;
    // Later, with an older time, in a batch of its own.
    let telling = Identity {
        last_name: "Berg".to_owned(),
        email: "anna@example.com".to_owned(),
        avatar: "https://example.com/anna.png".to_owned(),
        properties: texts(&[("plan", ""), ("seats", "3")]),
        agent: Agent::server(),
        ..Identity::default()
    };
    let telling = ProfileChangeKind::Identified(Box::new(telling));
    shop.apply([profile("anna", telling), join("anna", &["beta", "acme"])])
        .await;
    let expected = Profile {
        id: "anna".to_owned(),
        first_name: "Anna".to_owned(),
        last_name: "Berg".to_owned(),
        email: "anna@example.com".to_owned(),
        avatar: "https://example.com/anna.png".to_owned(),
        properties: texts(&[
            ("country", "SE"),
            ("device", "mobile"),
            ("os", "iOS"),
            ("path", "/start"),
            ("plan", "free"),
            ("seats", "3"),
        ]),
        groups: ids(&["acme", "beta"]),
        created_at: now(),
        last_seen_at: now() + seconds(1),
        left_out: 0,
    };
    assert_eq!(shop.profile("anna").await, Some(expected));
}

pub(crate) async fn any_text_comes_back_as_it_was(world: World) {
    let mut shop = Shop::open(&world).await;
    for text in [
        "👩‍🚀 Zoë",
        "O'Brien \"the\" \\ `x`",
        "%_;--",
        "{\"a\":[1]}",
        "a\u{1}\n\t\u{2028}b",
        " ",
        "$1 ?",
        "\u{10FFFF}",
    ] {
        shop.apply([
            identify(text, text, &[(text, text)]),
            join(text, &[text]),
            group(text, text, &[(text, text)]),
            alias(&format!("{text} too"), text),
        ])
        .await;
        let found = shop.profile(&format!("{text} too")).await.unwrap();
        assert_eq!((&found.id[..], &found.first_name[..]), (text, text));
        assert_eq!(found.properties, texts(&[(text, text)]));
        assert_eq!(found.groups, ids(&[text]));
        let found = shop.group(text).await.unwrap();
        assert_eq!((&found.id[..], &found.name[..]), (text, text));
        assert_eq!(found.properties, texts(&[(text, text)]));
    }
    // Ids are not the same for their looks.
    shop.apply([
        identify("anna", "lower", &[]),
        identify("ANNA", "upper", &[]),
    ])
    .await;
    assert_eq!(shop.profile("anna").await.unwrap().first_name, "lower");
    assert!(shop.profile("Anna").await.is_none());
}

pub(crate) async fn a_restored_spool_goes_on_where_the_one_it_is_a_copy_of_was(world: World) {
    let repository = &world.repository;
    let applied = |spool| repository.applied_position(spool);
    repository.apply_people("a", 20, Vec::new()).await.unwrap();
    let from = |spools: &[(&str, u64)]| {
        let spools = spools.iter();
        spools.map(|(id, last)| ((*id).to_owned(), *last)).collect()
    };
    // What came to the first after it was copied is not in the copy.
    for (spool, ancestors, expected) in [
        ("behind", from(&[("a", 15)]), 15),
        ("ahead", from(&[("a", 25)]), 20),
        ("never started", from(&[("unknown", 40), ("a", 25)]), 20),
        ("of another catalog", from(&[("unknown", 40)]), 0),
    ] {
        repository.inherit_position(spool, ancestors).await.unwrap();
        assert_eq!(applied(spool).await.unwrap(), expected, "{spool}");
    }
    // Once it goes on by itself, it stays where it is.
    repository
        .apply_people("ahead", 30, Vec::new())
        .await
        .unwrap();
    let again = repository.inherit_position("ahead", from(&[("a", 25)]));
    again.await.unwrap();
    assert_eq!(applied("ahead").await.unwrap(), 30);
}

pub(crate) async fn changes_are_applied_once_and_in_order(world: World) {
    let shop = Shop::open(&world).await;
    let repository = &world.repository;
    let once = || at_seconds(shop.key, [add("anna", "n", 1.0)]);
    assert_eq!(repository.applied_position("a").await.unwrap(), 0);
    for (spool, position, expected) in [
        ("a", 0, None),
        ("a", 7, Some("1")),
        ("a", 7, Some("1")),
        ("a", 6, Some("1")),
        ("b", 1, Some("2")),
        ("a", 8, Some("3")),
        ("b", 8, Some("4")),
    ] {
        let applied = repository.apply_people(spool, position, once());
        assert_eq!(applied.await.unwrap(), Applied::default());
        let found = shop.profile("anna").await;
        let number = found.map(|anna| anna.properties["n"].clone());
        assert_eq!(number.as_deref(), expected);
    }
    // Nothing to change is a way forward too.
    let applied = repository.apply_people("a", 20, Vec::new()).await.unwrap();
    assert_eq!(applied, Applied::default());
    let another = world.another_process().await;
    assert_eq!(another.applied_position("a").await.unwrap(), 20);
    assert_eq!(another.applied_position("b").await.unwrap(), 8);

    let changes = [
        identify("bert", "B", &[("n", "many")]),
        add("bert", "n", 2.5),
        identify("bert", "Bert", &[("n", "few")]),
        add("bert", "n", -1.0),
        add("bert", "n", -1.0),
    ];
    let changes = at_seconds(shop.key, changes);
    let applied = repository.apply_people("a", 21, changes).await.unwrap();
    let expected = Applied {
        complaints: 2,
        ..Applied::default()
    };
    assert_eq!(applied, expected);
    let bert = shop.profile("bert").await.unwrap();
    assert_eq!(
        (&bert.first_name[..], &bert.properties["n"][..]),
        ("Bert", "-2")
    );
}

pub(crate) async fn what_fails_is_not_applied_in_part(world: World) {
    let mut shop = Shop::open(&world).await;
    shop.apply([add("anna", "n", 1.0)]).await;
    let far = u64::MAX;
    let changes = at_seconds(shop.key, [add("anna", "n", 1.0)]);
    let failed = world.repository.apply_people("spool", far, changes).await;
    assert!(matches!(failed, Err(RepositoryError::Internal(_))));
    assert_eq!(world.repository.applied_position("spool").await.unwrap(), 1);
    assert_eq!(shop.property("anna", "n").await, "1");
}

/// Spools of several servers bring changes of the same profiles, and make them at the same time.
pub(crate) async fn additions_side_by_side_all_count(world: World) {
    let shop = Shop::open(&world).await;
    let other = world.another_process().await;
    let apply = ["a", "b", "c", "d"].map(async |spool| {
        let repository = if spool < "c" {
            &world.repository
        } else {
            &other
        };
        for round in 0..25 {
            let changes = [
                add("anna", "n", 1.0),
                add(&format!("new in {round}"), "n", 1.0),
                join("anna", &[&format!("{spool}{round}")]),
            ];
            let changes = at_seconds(shop.key, changes);
            let applied = repository.apply_people(spool, round + 1, changes);
            applied.await.unwrap();
        }
    });
    join_all(apply).await;
    assert_eq!(shop.property("anna", "n").await, "100");
    assert_eq!(shop.profile("anna").await.unwrap().groups.len(), 100);
    for round in 0..25 {
        let id = format!("new in {round}");
        assert_eq!(shop.property(&id, "n").await, "4");
    }
}

pub(crate) async fn batches_side_by_side_do_not_wait_in_a_circle(world: World) {
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(world.create_project().await.key);
    }
    let other = world.another_process().await;
    let apply = [("a", &world.repository), ("b", &other)].map(async |(spool, repository)| {
        for round in 0..20 {
            let mut changes = Vec::new();
            for number in 0..30 {
                let id = format!("p{}", number % 10);
                let key = keys[number % 3];
                changes.push((key, now(), add(&id, "n", 1.0)));
                changes.push((key, now(), alias(&format!("{id} of {spool}"), &id)));
            }
            // One goes through it this way, the other that way.
            if spool == "b" {
                changes.reverse();
            }
            let applied = repository.apply_people(spool, round + 1, changes);
            applied.await.unwrap();
        }
    });
    join_all(apply).await;
    for key in keys {
        for spool in ["a", "b"] {
            let id = format!("p3 of {spool}");
            let found = world.repository.get_profile(key, &id);
            assert_eq!(found.await.unwrap().unwrap().properties["n"], "40");
        }
    }
}

/// Every change, in an order that looks like chance.
fn medley(key: ProjectKey) -> Vec<Change> {
    let mut number = 1_u32;
    let mut chance = |below: u32| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 16) % below
    };
    let changes = (0..600).map(|index| {
        let a = format!("p{}", chance(12));
        let b = format!("p{}", chance(12));
        match chance(13) {
            12 => claim(&a, &b),
            0..3 => identify(&a, &format!("Name {index}"), &[(&b, &index.to_string())]),
            3..6 => add(&a, &b, f64::from(chance(9)) - 4.0),
            6 => join(&a, &[&b]),
            7..10 => alias(&a, &b),
            10 => erase(&a),
            _ => group(&a, &b, &[(&b, &a)]),
        }
    });
    at_seconds(key, changes.collect::<Vec<_>>())
}

/// What each batch loads is all that its changes need.
pub(crate) async fn many_changes_at_once_are_what_they_are_one_by_one(world: World) {
    let mut found = Vec::new();
    for size in [1, 2, 7, 60, 600] {
        let key = world.create_project().await.key;
        let spool = format!("by {size}");
        let (mut complaints, mut refused_claims) = (0, 0);
        for (position, changes) in (1..).zip(medley(key).chunks(size)) {
            let applied = world
                .repository
                .apply_people(&spool, position, changes.to_vec());
            let applied = applied.await.unwrap();
            complaints += applied.complaints;
            refused_claims += applied.refused_claims;
        }
        let mut people = Vec::new();
        for number in 0..12 {
            let id = format!("p{number}");
            people.push((
                world.repository.resolve_alias(key, &id).await.unwrap(),
                world.repository.get_profile(key, &id).await.unwrap(),
                world.repository.get_group(key, &id).await.unwrap(),
            ));
        }
        assert!(refused_claims > 0);
        found.push(((complaints, refused_claims), people));
    }
    assert!(found[0].1.iter().any(|(_, profile, _)| profile.is_some()));
    assert!(found.iter().all(|one| *one == found[0]), "{found:#?}");
}

pub(crate) async fn changes_of_an_alias_go_to_the_profile_it_names(world: World) {
    let mut shop = Shop::open(&world).await;
    // In one batch, and over several.
    shop.apply([
        add("anna", "n", 1.0),
        alias("device", "anna"),
        add("device", "n", 1.0),
    ])
    .await;
    shop.apply([add("device", "n", 1.0)]).await;
    shop.apply([identify("device", "Anna", &[]), add("anna", "n", 1.0)])
        .await;
    for id in ["anna", "device"] {
        let found = shop.profile(id).await.unwrap();
        assert_eq!((&found.id[..], &found.first_name[..]), ("anna", "Anna"));
        assert_eq!(found.properties["n"], "4");
        let resolved = world.repository.resolve_alias(shop.key, id).await.unwrap();
        assert_eq!(resolved, "anna");
    }
    // The profile need not be there yet.
    shop.apply([alias("later", "bert")]).await;
    assert!(shop.profile("later").await.is_none());
    shop.apply([identify("bert", "Bert", &[])]).await;
    assert_eq!(shop.profile("later").await.unwrap().first_name, "Bert");
    // It may be given to another.
    shop.apply([alias("later", "anna")]).await;
    assert_eq!(shop.profile("later").await.unwrap().first_name, "Anna");
}

pub(crate) async fn aliases_of_aliases_name_the_profile(world: World) {
    let mut shop = Shop::open(&world).await;
    shop.apply([identify("c", "C", &[]), alias("b", "c")]).await;
    // What it names is an alias.
    shop.apply([alias("a", "b")]).await;
    // What has an alias gets another name.
    shop.apply([alias("c", "d"), identify("a", "D", &[])]).await;
    for id in ["a", "b", "c", "d"] {
        let resolved = world.repository.resolve_alias(shop.key, id).await.unwrap();
        assert_eq!(resolved, "d", "{id}");
        assert_eq!(shop.profile(id).await.unwrap().first_name, "D");
    }
    // None becomes an alias of itself.
    shop.apply([alias("d", "a"), alias("d", "d"), alias("e", "e")])
        .await;
    for id in ["d", "e"] {
        let resolved = world.repository.resolve_alias(shop.key, id).await.unwrap();
        assert_eq!(resolved, id);
    }
}

pub(crate) async fn a_claimed_alias_changes_nothing_that_is_there(world: World) {
    let mut shop = Shop::open(&world).await;
    let refused = |refused_claims| Applied {
        refused_claims,
        ..Applied::default()
    };
    shop.apply([
        identify("victim", "Victim", &[]),
        identify("other", "Other", &[]),
        alias("phone", "victim"),
        alias("empty", "nobody"),
    ])
    .await;
    for taken in ["victim", "phone", "nobody", "empty"] {
        let applied = shop.apply([claim(taken, "attacker")]).await;
        assert_eq!(applied, refused(1), "{taken}");
    }
    for id in ["victim", "phone"] {
        assert_eq!(shop.profile(id).await.unwrap().first_name, "Victim");
    }
    // What is so already may be said, and what finds nothing yet may be claimed.
    let said = [claim("phone", "victim"), claim("victim", "victim")];
    assert_eq!(shop.apply(said).await, refused(0));
    let applied = shop.apply([claim("new", "other"), claim("new", "attacker")]);
    assert_eq!(applied.await, refused(1));
    assert_eq!(shop.profile("new").await.unwrap().first_name, "Other");
    // In one batch, too.
    let applied = shop.apply([identify("late", "Late", &[]), claim("late", "attacker")]);
    assert_eq!(applied.await, refused(1));
    // Whoever knows the secret gives it to somebody else, and says that it is a profile.
    shop.apply([alias("new", "victim")]).await;
    assert_eq!(shop.profile("new").await.unwrap().first_name, "Victim");
    shop.apply([claim("fresh", "other"), alias("tablet", "fresh")])
        .await;
    let resolved = world.repository.resolve_alias(shop.key, "tablet");
    assert_eq!(resolved.await.unwrap(), "fresh");
    assert_eq!(shop.profile("fresh").await, None);
}

pub(crate) async fn an_erasure_takes_none_that_was_only_claimed(world: World) {
    let mut shop = Shop::open(&world).await;
    let ids_of = async |shop: &Shop<'_>, id: &str| {
        let ids = world.repository.list_profile_ids(shop.key, id).await;
        ids.unwrap()
    };
    for (erased, left) in [("attacker", "victim"), ("claimed", "attacker")] {
        shop.apply([
            identify("victim", "Victim", &[]),
            identify("attacker", "Attacker", &[]),
            claim("claimed", "attacker"),
            claim("victim", "attacker"),
        ])
        .await;
        assert_eq!(shop.profile("claimed").await.unwrap().id, "attacker");
        assert_eq!(ids_of(&shop, "attacker").await, ["attacker"]);
        assert_eq!(ids_of(&shop, "claimed").await, ["claimed"]);
        shop.apply([erase(erased)]).await;
        assert!(shop.profile(left).await.is_some(), "{erased} took {left}");
        assert_eq!(shop.profile("claimed").await, None);
        assert_eq!(shop.profile("victim").await.unwrap().first_name, "Victim");
    }
}

pub(crate) async fn a_profile_has_so_many_aliases_and_no_more(world: World) {
    let mut shop = Shop::open(&world).await;
    shop.apply([identify("anna", "Anna", &[])]).await;
    let most = MOST_ALIASES as u64;
    let many = |prefix: &str, name: fn(&str, &str) -> PeopleChange| {
        let aliases = (0..most + 3).map(|number| name(&format!("{prefix}{number}"), "anna"));
        at_seconds(shop.key, aliases.collect::<Vec<_>>())
    };
    let left_out = |left_out| Applied {
        left_out,
        ..Applied::default()
    };
    let repository = &world.repository;
    // What strangers claim takes no room from what is certain.
    for (position, changes) in (10..).zip([many("c", claim), many("a", alias)]) {
        let applied = repository.apply_people("spool", position, changes);
        assert_eq!(applied.await.unwrap(), left_out(3));
    }
    for (id, resolved) in [
        ("c0", "anna"),
        ("a499", "anna"),
        ("a500", "a500"),
        ("c502", "c502"),
    ] {
        let found = repository.resolve_alias(shop.key, id).await.unwrap();
        assert_eq!(found, resolved);
    }
    shop.position = 20;
    // One that is there can be told again, and others that come along with one do not fit.
    assert_eq!(shop.apply([alias("a0", "anna")]).await, left_out(0));
    shop.apply([alias("b0", "bert"), alias("b1", "bert")]).await;
    assert_eq!(shop.apply([alias("bert", "anna")]).await, left_out(3));
    let found = repository.resolve_alias(shop.key, "b0").await.unwrap();
    assert_eq!(found, "bert");
}

pub(crate) async fn a_profile_that_is_told_more_and_more_stays_within_its_bounds(world: World) {
    let mut shop = Shop::open(&world).await;
    let mut left_out = 0;
    for round in 0..60 {
        let keys = (0..10).map(|key| (format!("k{round}-{key}"), "v".repeat(1_000)));
        let keys = keys.collect::<Vec<_>>();
        let told = keys.iter().map(|(key, value)| (&key[..], &value[..]));
        let told = told.collect::<Vec<_>>();
        let groups = (0..10).map(|number| format!("g{round}-{number}"));
        let groups = groups.collect::<Vec<_>>();
        let groups = groups.iter().map(|group| &group[..]).collect::<Vec<_>>();
        let applied = shop.apply([
            identify("anna", "Anna", &told),
            join("anna", &groups),
            group("acme", "Acme", &told),
        ]);
        left_out += applied.await.left_out;
    }
    let anna = shop.profile("anna").await.unwrap();
    let acme = shop.group("acme").await.unwrap();
    for properties in [&anna.properties, &acme.properties] {
        let size = size_of(properties);
        assert!(size > 250_000 && size <= MOST_PROPERTY_BYTES, "{size}");
    }
    assert_eq!(anna.groups.len(), MOST_GROUPS);
    assert_eq!(left_out, anna.left_out + acme.left_out);
    assert_eq!(acme.left_out, 600 - acme.properties.len() as u64);
    // What is there changes, and a number that is new is left out.
    shop.apply([
        identify("anna", "", &[("k0-0", "new")]),
        add("anna", "n", 1.0),
    ])
    .await;
    let edited = shop.profile("anna").await.unwrap();
    assert_eq!(edited.properties["k0-0"], "new");
    // The value that became shorter made room for the number.
    assert_eq!(edited.properties["n"], "1");

    let edit = ProfileEdit {
        properties: [
            ("k0-1".to_owned(), None),
            ("set".to_owned(), Some("1".to_owned())),
        ]
        .into(),
        ..ProfileEdit::default()
    };
    let edit = |id| profile(id, ProfileChangeKind::Edited(Box::new(edit.clone())));
    shop.apply([edit("anna"), edit("nobody")]).await;
    let edited = shop.profile("anna").await.unwrap();
    assert_eq!((edited.left_out, &edited.properties["set"][..]), (0, "1"));
    assert!(!edited.properties.contains_key("k0-1"));
    assert_eq!(shop.profile("nobody").await, None);
}

/// More than has room in memory at once, in one batch: each change finds what those before it
/// made.
pub(crate) async fn big_rows_are_changed_and_copied_in_portions(world: World) {
    let mut shop = Shop::open(&world).await;
    let value = "v".repeat(16_000);
    let full = |id: &str| {
        let keys = (0..15).map(|key| format!("k{key:02}")).collect::<Vec<_>>();
        let told = keys.iter().map(|key| (&key[..], &value[..]));
        identify(id, "Full", &told.collect::<Vec<_>>())
    };
    let ids = (0..80)
        .map(|number| format!("p{number:02}"))
        .collect::<Vec<_>>();
    for ids in ids.chunks(8) {
        let changes = at_seconds(shop.key, ids.iter().map(|id| full(id)));
        shop.position += 1;
        let applied = world
            .repository
            .apply_people("spool", shop.position, changes);
        applied.await.unwrap();
    }
    let twice = ids.iter().chain(&ids).map(|id| add(id, "n", 1.0));
    let renamed = [alias("device", "p00"), add("device", "n", 1.0)];
    let changes = at_seconds(shop.key, renamed.into_iter().chain(twice));
    let spooled = (100..).zip(changes).collect::<Vec<_>>();
    let split = async || {
        let portions = world.repository.split_changes("spool", spooled.clone());
        portions.await.unwrap()
    };
    let portions = split().await;
    assert_eq!(portions.len(), 5);
    for (number, (last, changes)) in (1..).zip(portions) {
        let applied = world.repository.apply_people("spool", last, changes);
        applied.await.unwrap();
        // Whoever crashed in between goes on behind it.
        assert_eq!(split().await.len(), 5 - number);
    }
    assert_eq!(shop.property("device", "n").await, "3");
    assert_eq!(shop.property("p79", "n").await, "2");

    let profiles = ids.iter().cloned().chain(["device".to_owned()]);
    let wanted = PeopleIds {
        profiles: profiles.collect(),
        ..PeopleIds::default()
    };
    let wanted = BTreeMap::from([(shop.key, wanted)]);
    let portions = world.repository.split_people(wanted).await.unwrap();
    assert_eq!(portions.len(), 3);
    let mut found = BTreeSet::new();
    for portion in portions {
        let people = world.repository.find_people(portion).await.unwrap();
        let sizes = people
            .profiles
            .iter()
            .map(|(_, row)| size_of(&row.properties));
        assert!(sizes.sum::<usize>() <= 8 << 20);
        found.extend(people.profiles.into_iter().map(|(_, row)| row.id));
    }
    assert_eq!(found, ids.iter().cloned().collect());

    let (mut pages, mut listed, mut after) = (0, Vec::new(), None);
    loop {
        let page = world.repository.list_profiles_after(CopyOf::All, after);
        let page = page.await.unwrap();
        let Some((project, last)) = page.last() else {
            break;
        };
        after = Some((*project, last.id.clone()));
        listed.extend(page.into_iter().map(|(_, row)| row.id));
        pages += 1;
    }
    assert_eq!((pages, listed), (3, ids));
}

/// A version before there were bounds let a row grow to 25 MB.
pub(crate) async fn a_row_of_any_size_stays_and_only_shrinks(world: World) {
    let mut shop = Shop::open(&world).await;
    shop.apply([identify("anna", "Anna", &[]), identify("bert", "Bert", &[])])
        .await;
    let value = "v".repeat(16_000);
    let keys = (0..1_600).map(|key| format!("\"k{key:04}\":\"{value}\""));
    let properties = keys.collect::<Vec<_>>().join(",");
    let name = "n".repeat(1_000_000);
    let grow = format!(
        "UPDATE profiles SET properties = '{{{properties}}}', first_name = '{name}' WHERE id = 'anna'"
    );
    world.place.execute(&grow).await;

    let told = [
        ("k0000", "x"),
        ("k0001", &format!("{value}v")[..]),
        ("new", "1"),
    ];
    let applied = shop.apply([identify("anna", "", &told), add("bert", "n", 1.0)]);
    // One grows, and one is new.
    assert_eq!(applied.await.left_out, 2);
    let anna = shop.profile("anna").await.unwrap();
    assert_eq!(
        (anna.properties.len(), &anna.properties["k0000"][..]),
        (1_600, "x")
    );
    assert_eq!(anna.properties["k0001"], value);
    assert_eq!((anna.first_name.len(), anna.left_out), (1_000_000, 2));
    assert_eq!(shop.property("bert", "n").await, "1");

    // It is read alone.
    let ids = PeopleIds {
        profiles: ids(&["anna", "bert"]),
        groups: ids(&["acme"]),
    };
    let wanted = BTreeMap::from([(shop.key, ids)]);
    let portions = world.repository.split_people(wanted).await.unwrap();
    let portions = portions
        .iter()
        .map(|portion| portion[&shop.key].profiles.len());
    assert_eq!(portions.collect::<Vec<_>>(), [1, 1]);
    let page = world
        .repository
        .list_profiles_after(CopyOf::All, None)
        .await;
    let page = page.unwrap();
    assert_eq!((page.len(), &page[0].1.id[..]), (1, "anna"));

    // An administrator makes it small.
    let gone = (0..1_599).map(|key| (format!("k{key:04}"), None));
    let edit = ProfileEdit {
        first_name: Some("Anna".to_owned()),
        properties: gone
            .chain([("set".to_owned(), Some("1".to_owned()))])
            .collect(),
        ..ProfileEdit::default()
    };
    shop.apply([profile("anna", ProfileChangeKind::Edited(Box::new(edit)))])
        .await;
    let anna = shop.profile("anna").await.unwrap();
    assert_eq!((anna.properties.len(), anna.left_out), (2, 0));
    assert_eq!(anna.first_name, "Anna");
}

pub(crate) async fn an_erased_profile_is_gone_with_its_aliases(world: World) {
    let mut shop = Shop::open(&world).await;
    for erased in ["anna", "device"] {
        shop.apply([
            identify("device", "Unknown", &[]),
            identify("anna", "Anna", &[("plan", "pro")]),
            alias("device", "anna"),
            alias("phone", "anna"),
            identify("bert", "Bert", &[]),
            alias("tablet", "bert"),
        ])
        .await;
        shop.apply([erase(erased)]).await;
        for id in ["anna", "device", "phone"] {
            assert_eq!(shop.profile(id).await, None, "{id}");
            let resolved = world.repository.resolve_alias(shop.key, id).await.unwrap();
            assert_eq!(resolved, id);
        }
        assert_eq!(shop.profile("tablet").await.unwrap().first_name, "Bert");
    }
    // Who comes back begins anew, in the same batch too.
    shop.apply([
        identify("anna", "Anna", &[("plan", "pro")]),
        erase("anna"),
        erase("nobody"),
        join("anna", &["acme"]),
    ])
    .await;
    let mut expected = Profile::new("anna".to_owned(), now() + seconds(3));
    expected.groups = ids(&["acme"]);
    assert_eq!(shop.profile("anna").await, Some(expected));
}

pub(crate) async fn groups_are_merged_and_keep_their_age(world: World) {
    let mut shop = Shop::open(&world).await;
    shop.apply([
        group("acme", "Acme", &[("seats", "3")]),
        group("acme", "Acme & Sons", &[("plan", "pro")]),
    ])
    .await;
    let expected = Group {
        id: "acme".to_owned(),
        kind: "company".to_owned(),
        name: "Acme & Sons".to_owned(),
        properties: texts(&[("plan", "pro"), ("seats", "3")]),
        created_at: now(),
        updated_at: now() + seconds(1),
        left_out: 0,
    };
    assert_eq!(shop.group("acme").await.as_ref(), Some(&expected));
    let again = group("acme", "Acme & Sons", &[("seats", "3")]);
    shop.apply([erase("acme"), erase("acme"), erase("acme"), again])
        .await;
    assert_eq!(shop.group("acme").await, Some(expected));
}

pub(crate) async fn what_is_not_there_is_not_found(world: World) {
    let shop = Shop::open(&world).await;
    assert_eq!(shop.profile("anna").await, None);
    assert_eq!(shop.group("acme").await, None);
    let listed = world
        .repository
        .list_profiles_by_ids(shop.key, vec!["anna".to_owned()]);
    assert!(listed.await.unwrap().is_empty());
    let listed = world.repository.list_profiles_by_ids(shop.key, Vec::new());
    assert!(listed.await.unwrap().is_empty());
}

pub(crate) async fn profiles_are_listed_by_the_ids_that_were_asked_for(world: World) {
    let mut shop = Shop::open(&world).await;
    shop.apply([
        identify("anna", "Anna", &[]),
        identify("bert", "Bert", &[]),
        identify("carl", "Carl", &[]),
        alias("device", "anna"),
    ])
    .await;
    let mut asked = ["device", "anna", "bert", "bert", "nobody"]
        .map(str::to_owned)
        .to_vec();
    // More than one statement takes.
    asked.extend((0..40_000).map(|number| format!("no{number}")));
    let listed = world.repository.list_profiles_by_ids(shop.key, asked);
    let listed = listed.await.unwrap();
    let found = listed
        .iter()
        .map(|(asked, found)| (&asked[..], &found.id[..], &found.first_name[..]));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("anna", "anna", "Anna"),
            ("bert", "bert", "Bert"),
            ("device", "anna", "Anna")
        ]
    );
}

pub(crate) async fn projects_do_not_see_each_others_people(world: World) {
    let keys = [
        world.create_project().await.key,
        world.create_project().await.key,
    ];
    let changes = keys
        .iter()
        .zip(["Anna", "Annika"])
        .flat_map(|(&key, name)| {
            [
                (key, now(), identify("anna", name, &[])),
                (key, now(), group("acme", name, &[])),
                (key, now(), alias(name, "anna")),
            ]
        });
    let changes = changes.collect();
    let applied = world.repository.apply_people("spool", 1, changes);
    applied.await.unwrap();
    let erased = vec![(keys[0], now(), erase("anna"))];
    let applied = world.repository.apply_people("spool", 2, erased);
    applied.await.unwrap();
    let find = async |key, id| {
        let found = world.repository.get_profile(key, id).await.unwrap();
        found.map(|profile| profile.first_name)
    };
    assert_eq!(find(keys[0], "anna").await, None);
    assert_eq!(find(keys[1], "Anna").await, None);
    assert_eq!(find(keys[1], "Annika").await.as_deref(), Some("Annika"));
    for (key, name) in keys.into_iter().zip(["Anna", "Annika"]) {
        let found = world.repository.get_group(key, "acme").await.unwrap();
        assert_eq!(found.unwrap().name, name);
    }
}

/// Deletes the project, and purges it.
async fn purge(world: &World, key: ProjectKey) {
    let organization = &world.organization.id;
    let listed = world
        .repository
        .list_projects(organization.clone(), true, Default::default());
    let listed = listed.await.unwrap().items;
    let project = listed.into_iter().find(|project| project.key == key);
    let deleted = world.repository.delete_project(
        organization.clone(),
        project.unwrap().id,
        RootRule::Overridden,
        act(),
        now(),
    );
    deleted.await.unwrap();
    let purged = world
        .repository
        .purge_project(organization.clone(), key, now(), act());
    assert!(purged.await.unwrap());
}

pub(crate) async fn changes_of_a_purged_project_are_left_out(world: World) {
    let gone = world.create_project().await.key;
    let kept = world.create_project().await.key;
    purge(&world, gone).await;
    let never = ProjectKey(i64::MAX);
    let changes = [gone, kept, never].map(|key| (key, now(), identify("anna", "Anna", &[])));
    let repository = &world.repository;
    let applied = repository.apply_people("spool", 5, changes.to_vec());
    assert_eq!(applied.await.unwrap(), Applied::default());
    assert_eq!(repository.applied_position("spool").await.unwrap(), 5);
    for (key, is_there) in [(gone, false), (kept, true), (never, false)] {
        let found = repository.get_profile(key, "anna").await.unwrap();
        assert_eq!(found.is_some(), is_there);
    }
}

pub(crate) async fn a_purge_takes_the_people_and_is_remembered_for_ever(world: World) {
    let mut shop = Shop::open(&world).await;
    let kept = world.create_project().await.key;
    let people = [
        identify("anna", "Anna", &[]),
        alias("device", "anna"),
        group("acme", "Acme", &[]),
    ];
    let other = at_seconds(kept, people.clone());
    shop.apply(people).await;
    let repository = &world.repository;
    repository.apply_people("other", 1, other).await.unwrap();
    assert_eq!(repository.list_purged_projects().await.unwrap(), []);
    purge(&world, shop.key).await;
    assert_eq!(shop.profile("anna").await, None);
    assert_eq!(shop.group("acme").await, None);
    let resolved = repository.resolve_alias(shop.key, "device").await.unwrap();
    assert_eq!(resolved, "device");

    // Whoever keeps events of it must be able to find that out at any time.
    let another = world.another_process().await;
    while !another.remove_purged_people().await.unwrap() {}
    assert!(another.remove_purged_people().await.unwrap());
    for repository in [&another, repository] {
        assert_eq!(repository.list_purged_projects().await.unwrap(), [shop.key]);
    }

    // One that was not purged is not touched.
    assert!(
        repository
            .get_profile(kept, "device")
            .await
            .unwrap()
            .is_some()
    );
    assert!(repository.get_group(kept, "acme").await.unwrap().is_some());
}

pub(crate) async fn a_purge_of_many_people_is_finished_in_portions(world: World) {
    let shop = Shop::open(&world).await;
    let changes = (0..25_000).map(|number| add(&format!("p{number}"), "n", 1.0));
    for (position, changes) in (1..).zip(at_seconds(shop.key, changes).chunks(5_000)) {
        let applied = world
            .repository
            .apply_people("spool", position, changes.to_vec());
        applied.await.unwrap();
    }
    purge(&world, shop.key).await;
    let mut unfinished = 0;
    while !world.repository.remove_purged_people().await.unwrap() {
        unfinished += 1;
    }
    assert!((1..5).contains(&unfinished), "{unfinished}");
    for id in ["p0", "p12500", "p24999"] {
        assert_eq!(shop.profile(id).await, None);
    }
}

pub(crate) async fn retentions_are_those_of_all_projects(world: World) {
    let kept = world.create_project().await;
    let limited = world.create_project().await;
    let days = RetentionDays::try_from(30).unwrap();
    let organization = &world.organization.id;
    let changes = ProjectChanges {
        retention_days: Some(Some(days)),
        ..ProjectChanges::default()
    };
    let updated =
        world
            .repository
            .update_project(organization.clone(), limited.id.clone(), changes, act());
    updated.await.unwrap();
    let rule = RootRule::Overridden;
    let deleted =
        world
            .repository
            .delete_project(organization.clone(), limited.id, rule, act(), now());
    deleted.await.unwrap();
    let listed = world.repository.list_retentions().await.unwrap();
    assert_eq!(listed, [(kept.key, None), (limited.key, Some(days))]);
}

fn at(text: &str) -> Timestamp {
    parse_timestamp(text).unwrap()
}

pub(crate) async fn salts_change_at_midnight_in_utc(world: World) {
    let other = world.another_process().await;
    // What is asked, with which values, and what is found.
    for (time, fresh, current, previous, since) in [
        ("2026-01-15T10:30:00Z", 1, 1, 101, "2026-01-15T10:30:00Z"),
        ("2026-01-15T10:30:01Z", 2, 1, 101, "2026-01-15T10:30:00Z"),
        (
            "2026-01-15T23:59:59.999999Z",
            3,
            1,
            101,
            "2026-01-15T10:30:00Z",
        ),
        ("2026-01-16T00:00:00Z", 4, 4, 1, "2026-01-16T00:00:00Z"),
        // A clock that is behind changes nothing.
        ("2026-01-15T23:59:59Z", 5, 4, 1, "2026-01-16T00:00:00Z"),
        ("2026-01-17T02:00:00Z", 6, 6, 4, "2026-01-17T02:00:00Z"),
        // After days without a server.
        ("2026-03-01T00:00:01Z", 7, 7, 6, "2026-03-01T00:00:01Z"),
    ] {
        for repository in [&world.repository, &other] {
            let salts = repository.salts(at(time), [[fresh; 16], [fresh + 100; 16]]);
            let salts = salts.await.unwrap();
            let found = (salts.current, salts.previous, salts.since);
            assert_eq!(found, ([current; 16], [previous; 16], at(since)), "{time}");
        }
    }
}

pub(crate) async fn salts_of_a_clock_that_was_ahead_are_forgotten(world: World) {
    for (time, fresh, current, previous) in [
        ("2026-01-15T10:00:00Z", 1, 1, 101),
        ("2031-03-01T10:00:00Z", 2, 2, 1),
        // Corrected within the day of before, whose salt is still there.
        ("2026-01-15T11:00:00Z", 3, 1, 1),
        ("2026-01-16T00:00:01Z", 4, 4, 1),
        ("2031-03-01T10:00:00Z", 5, 5, 4),
        ("2031-03-02T10:00:00Z", 6, 6, 5),
        // Corrected when nothing of before is left.
        ("2026-01-16T10:00:00Z", 7, 7, 107),
        ("2026-01-17T10:00:00Z", 8, 8, 7),
        // Back by days, and by less than a day within it.
        ("2026-01-10T10:00:00Z", 9, 9, 109),
        ("2026-01-10T01:00:00Z", 10, 9, 109),
        // A little over midnight: another server's clock may be there already.
        ("2026-01-11T00:02:00Z", 11, 11, 9),
        ("2026-01-10T23:58:00Z", 12, 11, 9),
        ("2026-01-10T23:50:00Z", 13, 9, 9),
    ] {
        let salts = world
            .repository
            .salts(at(time), [[fresh; 16], [fresh + 100; 16]]);
        let salts = salts.await.unwrap();
        let found = (salts.current[0], salts.previous[0]);
        assert_eq!(found, (current, previous), "{time}");
    }
}

pub(crate) async fn of_two_that_make_the_salts_one_wins(world: World) {
    let other = world.another_process().await;
    let mut last = None;
    for day in 0..10 {
        let time = now() + seconds(day * 24 * 60 * 60);
        let asked = (0..8_u8).map(|number| {
            let repository = [&world.repository, &other][usize::from(number % 2)];
            let fresh = u8::try_from(day).unwrap() * 16 + number;
            repository.salts(time, [[fresh; 16], [fresh + 8; 16]])
        });
        let found = join_all(asked).await.into_iter().map(Result::unwrap);
        let found = found.collect::<Vec<_>>();
        assert!(found.iter().all(|salts| *salts == found[0]), "day {day}");
        assert_ne!(found[0].current, found[0].previous);
        assert!(last.is_none_or(|last| found[0].previous == last));
        last = Some(found[0].current);
    }
}

pub(crate) async fn salts_are_not_shown(world: World) {
    let salts = world.repository.salts(now(), [[171; 16], [172; 16]]);
    let shown = format!("{:?}", salts.await.unwrap());
    assert!(shown.contains("since"), "{shown}");
    assert!(!shown.contains("171") && !shown.contains("172"), "{shown}");
}
