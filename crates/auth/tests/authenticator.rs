//! The authenticator with a store that tests can change, stop and hold up.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use paneld_auth::{
    Api, AuthError, Authenticator, CredentialStore, Credentials, LookupFuture, PlainSecret,
    Presented, SecretHash, StoreUnavailable, StoredSecret,
};
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientType, ManualClock, NewClient, NewProject, Organization,
    ProjectChanges, ProjectKey, Timestamp, Zone, parse_timestamp,
};
use tokio::sync::Semaphore;

const PEER: &str = "192.0.2.7";

/// A store of one client.
struct Store {
    found: Mutex<Option<Credentials>>,
    away: AtomicBool,
    lookups: AtomicUsize,
    /// Look-ups that have read but may not answer yet, one permit each.
    gate: Semaphore,
}

impl CredentialStore for Store {
    fn find_credentials(&self, id: ClientId) -> LookupFuture<'_> {
        Box::pin(async move {
            self.lookups.fetch_add(1, Ordering::SeqCst);
            if self.away.load(Ordering::SeqCst) {
                return Err(StoreUnavailable(Arc::new(std::io::Error::other("away"))));
            }
            let found = self.found.lock().unwrap().clone();
            self.gate.acquire().await.unwrap().forget();
            Ok(found.filter(|found| found.client.id == id))
        })
    }
}

struct World {
    store: Arc<Store>,
    authenticator: Arc<Authenticator>,
    time: ManualClock,
    id: String,
    secret: PlainSecret,
}

impl World {
    fn new(client_type: ClientType) -> Self {
        let time = ManualClock::starting_at(now());
        let secret = PlainSecret::generate();
        let client = client(client_type);
        let id = client.id.to_string();
        let store = Arc::new(Store {
            found: Mutex::new(Some(credentials(client, &secret))),
            away: AtomicBool::new(false),
            lookups: AtomicUsize::new(0),
            gate: Semaphore::new(1_000),
        });
        let authenticator = Authenticator::new(Arc::clone(&store) as _, time.clock());
        Self {
            store,
            authenticator: Arc::new(authenticator),
            time,
            id,
            secret,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Credentials)) {
        change(self.store.found.lock().unwrap().as_mut().unwrap());
    }

    async fn call(&self, api: Api) -> Result<(), AuthError> {
        self.call_with(api, Some(self.secret.expose())).await
    }

    async fn call_with(&self, api: Api, secret: Option<&str>) -> Result<(), AuthError> {
        let presented = Presented {
            client_id: Some(&self.id),
            secret,
        };
        let peer = PEER.parse::<IpAddr>().unwrap();
        let principal = self
            .authenticator
            .authenticate(api, presented, peer)
            .await?;
        assert_eq!(principal.client().id.to_string(), self.id);
        Ok(())
    }

    fn lookups(&self) -> usize {
        self.store.lookups.load(Ordering::SeqCst)
    }
}

fn now() -> Timestamp {
    parse_timestamp("2026-01-15T10:00:00Z").unwrap()
}

fn client(client_type: ClientType) -> Client {
    let new = NewClient {
        name: "CI".parse().unwrap(),
        client_type,
        project_id: None,
        settings: ClientChanges::default(),
    };
    new.build(
        ClientId::random(&mut rand::rng()),
        "acme".parse().unwrap(),
        now(),
    )
}

fn credentials(client: Client, secret: &PlainSecret) -> Credentials {
    let organization = Organization {
        id: client.organization_id.clone(),
        name: "Acme".parse().unwrap(),
        zone: Zone::UTC,
        created_at: now(),
        updated_at: now(),
    };
    Credentials {
        client,
        organization,
        project: None,
        secrets: vec![StoredSecret {
            hash: SecretHash::of(secret),
            expires_at: None,
        }],
    }
}

#[tokio::test]
async fn checks_come_in_the_documented_order() {
    let world = World::new(ClientType::Read);
    let malformed = Presented {
        client_id: Some("nonsense"),
        secret: Some("nonsense"),
    };
    let peer = PEER.parse::<IpAddr>().unwrap();
    for presented in [malformed, Presented::default()] {
        let result = world
            .authenticator
            .authenticate(Api::Manage, presented, peer)
            .await;
        assert!(matches!(result, Err(AuthError::MalformedClientId)));
    }
    // Everything is wrong at once; then one thing after the other is put right.
    world.change(|found| {
        found.client.enabled = false;
        found.client.expires_at = Some(now());
        found.client.allowed_ips = vec!["10.0.0.0/8".parse().unwrap()];
    });
    let wrong = PlainSecret::generate();
    let result = world.call_with(Api::Manage, Some(wrong.expose())).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    let result = world.call_with(Api::Manage, None).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    assert!(matches!(
        world.call(Api::Manage).await,
        Err(AuthError::Disabled)
    ));

    let id = world.id.parse().unwrap();
    world.change(|found| found.client.enabled = true);
    world.authenticator.evict(id);
    assert!(matches!(
        world.call(Api::Manage).await,
        Err(AuthError::Expired)
    ));
    world.change(|found| found.client.expires_at = None);
    world.authenticator.evict(id);
    let result = world.call(Api::Manage).await;
    assert!(matches!(result, Err(AuthError::AddressNotAllowed)));
    world.change(|found| found.client.allowed_ips.push("192.0.2.7".parse().unwrap()));
    world.authenticator.evict(id);
    let result = world.call(Api::Manage).await;
    assert!(matches!(result, Err(AuthError::InsufficientPermissions)));
    world.call(Api::Export).await.unwrap();
}

#[tokio::test]
async fn a_malformed_secret_costs_no_look_up() {
    let world = World::new(ClientType::Root);
    let mut typo = world.secret.expose().to_owned();
    let last = if typo.ends_with('x') { 'y' } else { 'x' };
    typo.pop();
    typo.push(last);
    for secret in ["", "short", &typo] {
        let result = world.call_with(Api::Manage, Some(secret)).await;
        assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    }
    assert_eq!(world.lookups(), 0);
}

#[tokio::test]
async fn a_client_of_a_deleted_project_is_turned_away() {
    let world = World::new(ClientType::Read);
    let new = NewProject {
        name: "Shop".parse().unwrap(),
        settings: ProjectChanges::default(),
    };
    let organization = "acme".parse().unwrap();
    let mut project = new.build(ProjectKey(1), "shop".parse().unwrap(), organization, now());
    world.change(|found| found.project = Some(project.clone()));
    world.call(Api::Export).await.unwrap();

    project.delete_at = Some(now() + Duration::from_secs(86_400));
    world.change(|found| found.project = Some(project));
    world.authenticator.evict_all();
    let result = world.call(Api::Export).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
}

#[tokio::test]
async fn a_replaced_secret_ends_on_time_even_in_the_cache() {
    let world = World::new(ClientType::Root);
    world.change(|found| found.secrets[0].expires_at = Some(now() + Duration::from_secs(2)));
    world.call(Api::Manage).await.unwrap();
    world.time.advance(Duration::from_secs(2));
    let result = world.call(Api::Manage).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    assert_eq!(world.lookups(), 1);
}

#[tokio::test]
async fn the_store_is_believed_for_five_seconds() {
    let world = World::new(ClientType::Root);
    world.call(Api::Manage).await.unwrap();
    world.time.advance(Duration::from_millis(4_999));
    world.call(Api::Manage).await.unwrap();
    assert_eq!(world.lookups(), 1);
    world.change(|found| found.client.enabled = false);
    world.time.advance(Duration::from_millis(1));
    assert!(matches!(
        world.call(Api::Manage).await,
        Err(AuthError::Disabled)
    ));
    assert_eq!(world.lookups(), 2);
}

#[tokio::test]
async fn absent_clients_are_remembered_too() {
    let mut world = World::new(ClientType::Root);
    world.id = ClientId::random(&mut rand::rng()).to_string();
    for _ in 0..3 {
        let result = world.call(Api::Manage).await;
        assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    }
    assert_eq!(world.lookups(), 1);
}

#[tokio::test]
async fn a_store_that_is_away_makes_nobody_wrong() {
    let world = World::new(ClientType::Root);
    world.store.away.store(true, Ordering::SeqCst);
    assert!(matches!(
        world.call(Api::Manage).await,
        Err(AuthError::Unavailable(_))
    ));
    // For a second the failure answers for all.
    world.store.away.store(false, Ordering::SeqCst);
    assert!(matches!(
        world.call(Api::Manage).await,
        Err(AuthError::Unavailable(_))
    ));
    assert_eq!(world.lookups(), 1);
    world.time.advance(Duration::from_secs(1));
    world.call(Api::Manage).await.unwrap();
}

#[tokio::test]
async fn uses_that_could_not_be_written_are_put_back_under_later_ones() {
    let world = World::new(ClientType::Root);
    let id = world.id.parse().unwrap();
    world.call(Api::Manage).await.unwrap();
    let taken = world.authenticator.take_uses();
    world.authenticator.put_back_uses(taken.clone());
    assert_eq!(world.authenticator.take_uses(), taken);

    world.time.advance(Duration::from_secs(5));
    world.call(Api::Manage).await.unwrap();
    world.authenticator.put_back_uses(taken);
    let later = now() + Duration::from_secs(5);
    assert_eq!(world.authenticator.take_uses().get(&id), Some(&later));
}

/// The dangerous interleaving: a look-up reads the client, then the client is changed and
/// evicted, then the look-up answers. What it read must not stay.
#[tokio::test]
async fn an_eviction_reaches_a_look_up_under_way() {
    for evict_all in [false, true] {
        let world = Arc::new(World::new(ClientType::Root));
        world.store.gate.forget_permits(1_000);
        let early = tokio::spawn({
            let world = Arc::clone(&world);
            async move { world.call(Api::Manage).await }
        });
        while world.lookups() == 0 {
            tokio::task::yield_now().await;
        }
        world.change(|found| found.client.enabled = false);
        if evict_all {
            world.authenticator.evict_all();
        } else {
            world.authenticator.evict(world.id.parse().unwrap());
        }
        world.store.gate.add_permits(1_000);
        assert!(matches!(
            world.call(Api::Manage).await,
            Err(AuthError::Disabled)
        ));
        early.await.unwrap().expect("it came before the change");
        assert!(matches!(
            world.call(Api::Manage).await,
            Err(AuthError::Disabled)
        ));
    }
}

#[tokio::test]
async fn uses_are_noted_once_in_a_while() {
    let world = World::new(ClientType::Root);
    let id = world.id.parse().unwrap();
    world.call_with(Api::Manage, None).await.unwrap_err();
    assert!(world.authenticator.take_uses().is_empty());
    world.call(Api::Manage).await.unwrap();
    world.call(Api::Manage).await.unwrap();
    assert_eq!(world.authenticator.take_uses().get(&id), Some(&now()));
    assert!(world.authenticator.take_uses().is_empty());
    world.time.advance(Duration::from_secs(5));
    world.call(Api::Manage).await.unwrap();
    assert_eq!(world.authenticator.take_uses().len(), 1);
}
