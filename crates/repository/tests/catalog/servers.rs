//! The servers that are at work on a catalog.

use std::time::Duration;

use futures_util::future::join_all;
use paneld_repository::{GivesWay, NewServer, Registered, Repository};
use uuid::Uuid;

use crate::world::World;

/// So short that two of them are over after any pause.
const SHORT: Duration = Duration::from_millis(1);
/// So long that a test never waits for it.
const LONG: Duration = Duration::from_secs(600);

fn server(id: &str, has_events: bool, heartbeat: Duration) -> NewServer {
    NewServer {
        id: id.to_owned(),
        run: Uuid::new_v4(),
        has_events,
        hostname: "host".to_owned(),
        address: "127.0.0.1:3333".to_owned(),
        version: "0.1.0".to_owned(),
        heartbeat,
    }
}

/// Registers a server at its start.
async fn start(repository: &Repository, server: &NewServer) -> Registered {
    let replaced = GivesWay::Replaced(Vec::new());
    let registered = repository.register_server(server.clone(), replaced);
    registered.await.unwrap()
}

/// The run of the other server that stands in the way.
fn beside(registered: Registered) -> Uuid {
    match registered {
        Registered::Yes => panic!("it was registered"),
        Registered::Beside(other) => other.server.run,
    }
}

async fn runs(repository: &Repository) -> Vec<Uuid> {
    let listed = repository.list_servers().await.unwrap().into_iter();
    listed.map(|other| other.server.run).collect()
}

async fn beat(repository: &Repository, server: &NewServer) -> bool {
    let noted = repository.note_heartbeat(server.id.clone(), server.run);
    noted.await.unwrap()
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

pub(crate) async fn servers_are_listed_with_what_they_told(world: World) {
    let repository = &world.repository;
    let (with_events, without) = (server("a", true, LONG), server("b", false, SHORT));
    assert_eq!(start(repository, &with_events).await, Registered::Yes);
    pass(Duration::from_millis(20)).await;
    assert_eq!(start(repository, &without).await, Registered::Yes);
    pass(Duration::from_millis(20)).await;
    let listed = repository.list_servers().await.unwrap();
    let told = listed.iter().map(|listed| listed.server.clone());
    assert_eq!(
        told.collect::<Vec<_>>(),
        [with_events.clone(), without.clone()]
    );
    assert!(listed[0].is_live() && !listed[1].is_live());
    let before = &listed[0];
    assert_eq!(before.started_at, before.heartbeat_at);
    assert!(before.started_at < listed[1].started_at);
    assert!(before.silence >= Duration::from_millis(40), "{before:?}");

    assert!(beat(repository, &with_events).await);
    let after = &repository.list_servers().await.unwrap()[0];
    assert_eq!(after.started_at, before.started_at);
    assert!(after.heartbeat_at > before.heartbeat_at);
    for gone in [&with_events, &without] {
        let forgotten = repository.unregister_server(gone.id.clone(), gone.run);
        forgotten.await.unwrap();
    }
    assert_eq!(repository.list_servers().await.unwrap(), []);
}

pub(crate) async fn an_earlier_start_of_the_same_server_is_replaced(world: World) {
    let repository = &world.repository;
    let (first, second) = (server("a", true, LONG), server("a", true, LONG));
    assert_eq!(start(repository, &first).await, Registered::Yes);
    assert_eq!(start(repository, &second).await, Registered::Yes);
    assert_eq!(runs(repository).await, [second.run]);
    // The first one must not take away what is the second one's.
    assert!(!beat(repository, &first).await);
    let forgotten = repository.unregister_server(first.id.clone(), first.run);
    forgotten.await.unwrap();
    assert!(beat(repository, &second).await);
}

pub(crate) async fn a_server_with_events_is_not_beside_another(world: World) {
    let another = world.another_process().await;
    let first = server("a", true, LONG);
    assert_eq!(start(&world.repository, &first).await, Registered::Yes);
    let second = server("b", true, LONG);
    assert_eq!(beside(start(&another, &second).await), first.run);
    for number in 0..3 {
        let without = server(&format!("off-{number}"), false, LONG);
        assert_eq!(start(&another, &without).await, Registered::Yes);
    }
    assert_eq!(beside(start(&another, &second).await), first.run);
    assert_eq!(runs(&another).await.len(), 4);
}

pub(crate) async fn of_two_with_events_that_register_at_once_one_wins(world: World) {
    let another = world.another_process().await;
    let starts = (0..20).map(async |number| {
        let repository = if number % 2 == 0 {
            &world.repository
        } else {
            &another
        };
        start(repository, &server(&number.to_string(), true, LONG)).await
    });
    let registered = join_all(starts).await.into_iter();
    let won = registered.filter(|registered| *registered == Registered::Yes);
    assert_eq!(won.count(), 1);
    assert_eq!(runs(&another).await.len(), 1);
}

pub(crate) async fn a_silent_server_is_replaced_only_by_who_saw_it_silent(world: World) {
    let repository = &world.repository;
    let first = server("a", true, SHORT);
    assert_eq!(start(repository, &first).await, Registered::Yes);
    pass(Duration::from_millis(20)).await;
    let second = server("b", true, LONG);
    // However silent it is: while a database is away, nobody is heard.
    let Registered::Beside(other) = start(repository, &second).await else {
        panic!("nobody looked at it twice");
    };
    let seen = GivesWay::Replaced(vec![(first.run, other.heartbeat_at)]);
    assert!(beat(repository, &first).await);
    let registered = repository.register_server(second.clone(), seen);
    let Registered::Beside(other) = registered.await.unwrap() else {
        panic!("it was heard meanwhile");
    };
    let seen = GivesWay::Replaced(vec![(first.run, other.heartbeat_at)]);
    let registered = repository.register_server(second.clone(), seen);
    assert_eq!(registered.await.unwrap(), Registered::Yes);
    assert_eq!(runs(repository).await, [second.run]);
}

pub(crate) async fn a_server_that_was_forgotten_registers_anew(world: World) {
    let repository = &world.repository;
    let first = server("a", true, LONG);
    assert_eq!(start(repository, &first).await, Registered::Yes);
    let forgotten = repository.unregister_server(first.id.clone(), first.run);
    forgotten.await.unwrap();
    assert!(!beat(repository, &first).await);
    // Others that are silent do not keep it.
    let silent = server("b", true, SHORT);
    assert_eq!(start(repository, &silent).await, Registered::Yes);
    pass(Duration::from_millis(20)).await;
    let registered = repository.register_server(first.clone(), GivesWay::Silent);
    assert_eq!(registered.await.unwrap(), Registered::Yes);
    assert_eq!(runs(repository).await, [first.run]);
}

pub(crate) async fn who_was_replaced_finds_out_and_does_not_come_back(world: World) {
    let repository = &world.repository;
    for id in ["a", "b"] {
        let (first, second) = (server("a", true, LONG), server(id, true, LONG));
        assert_eq!(start(repository, &first).await, Registered::Yes);
        let other = repository.list_servers().await.unwrap().remove(0);
        let seen = GivesWay::Replaced(vec![(first.run, other.heartbeat_at)]);
        let registered = repository.register_server(second.clone(), seen);
        assert_eq!(registered.await.unwrap(), Registered::Yes);
        assert!(!beat(repository, &first).await);
        let again = repository.register_server(first, GivesWay::Silent);
        assert_eq!(beside(again.await.unwrap()), second.run, "{id}");
        let forgotten = repository.unregister_server(second.id.clone(), second.run);
        forgotten.await.unwrap();
    }
}
