//! What only a database server can do.

use futures_util::future::join_all;
use paneld_domain::ClientType;
use paneld_repository::{CatalogUrl, Repository, RepositoryError};

use crate::world::{Place, World, act, credentials, name, new_client};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn a_server_that_was_restarted_is_used_again() {
    let world = World::new(Place::postgres()).await;
    let database = world.place.database();
    let list = || world.repository.list_organizations();
    list().await.unwrap();

    database.allow_connections(false);
    database.cut();
    for _ in 0..3 {
        let away = list().await.unwrap_err();
        assert!(matches!(away, RepositoryError::Unavailable(_)), "{away:?}");
    }
    database.allow_connections(true);
    // All of them, however many connections of the pool are stale.
    for listed in join_all((0..20).map(|_| list())).await {
        listed.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn servers_that_start_at_once_on_nothing_prepare_it_once() {
    let place = Place::postgres();
    let url = place.url();
    let opened = join_all((0..4).map(|_| Repository::open(&url))).await;
    let begun = join_all(opened.into_iter().map(async |repository| {
        let client = new_client(ClientType::Root);
        let repository = repository.unwrap();
        let begun = repository.begin(name("Mine"), client, credentials(), act());
        begun.await.unwrap()
    }));
    let firsts = begun.await.into_iter().filter(|first| *first).count();
    assert_eq!(firsts, 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn older_tables_are_brought_up_to_date_only_when_told() {
    let world = World::new(Place::postgres()).await;
    let database = world.place.database().connect().await;
    let forget = "DELETE FROM __diesel_schema_migrations
        WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)";
    database.batch_execute(forget).await.unwrap();
    for opened in [
        Repository::open(&world.place.url()).await,
        Repository::open_present(&world.place.url()).await,
    ] {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("run paneld migrate"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn the_tables_of_a_newer_program_are_left_alone() {
    let world = World::new(Place::postgres()).await;
    let database = world.place.database().connect().await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";
    database.batch_execute(newer).await.unwrap();
    for opened in [
        Repository::open(&world.place.url()).await,
        Repository::migrate(&world.place.url()).await,
    ] {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("newer version"), "{error}");
    }
}

#[test]
fn a_url_is_shown_without_its_password() {
    for text in [
        "postgres://me:hidden@db.example:6432/panel",
        "postgresql://me@db.example:6432/panel?password=hidden",
    ] {
        let url = text.parse::<CatalogUrl>().unwrap();
        assert_eq!(url.to_string(), "postgres://me@db.example:6432/panel");
        assert!(!format!("{url:?}").contains("hidden"));
    }
    let wrong = "postgres://me:hidden@db.example:port/panel".parse::<CatalogUrl>();
    assert!(!wrong.unwrap_err().to_string().contains("hidden"));
}
