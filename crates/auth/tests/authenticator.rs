//! The authenticator with a store that tests can change, stop and hold up.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use paneld_auth::{
    Api, AuthError, Authenticator, CredentialStore, Credentials, LookupFuture, NotChecked,
    PlainSecret, Presented, SecretHash, SlowCheck, StoreUnavailable, StoredSecret,
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
    /// Whether hashes can be replaced.
    writable: AtomicBool,
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

    fn replace_hash(
        &self,
        _: ClientId,
        outdated: SecretHash,
        hash: SecretHash,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if self.writable.load(Ordering::SeqCst) {
                let mut found = self.found.lock().unwrap();
                let mut secrets = found.iter_mut().flat_map(|found| &mut found.secrets);
                let secret = secrets.find(|secret| secret.hash.matches(&outdated));
                secret.unwrap().hash = hash;
            }
        })
    }
}

struct World {
    store: Arc<Store>,
    authenticator: Arc<Authenticator>,
    time: ManualClock,
    id: String,
    secret: PlainSecret,
    slow_checks: AtomicUsize,
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
            writable: AtomicBool::new(true),
        });
        let authenticator = Authenticator::new(Arc::clone(&store) as _, time.clock());
        Self {
            store,
            authenticator: Arc::new(authenticator),
            time,
            id,
            secret,
            slow_checks: AtomicUsize::new(0),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Credentials)) {
        change(self.store.found.lock().unwrap().as_mut().unwrap());
    }

    async fn call(&self, api: &Api) -> Result<(), AuthError> {
        self.call_with(api, Some(self.secret.expose())).await
    }

    async fn call_with(&self, api: &Api, secret: Option<&str>) -> Result<(), AuthError> {
        let presented = Presented {
            client_id: Some(&self.id),
            secret,
        };
        let peer = PEER.parse::<IpAddr>().unwrap();
        let check_slowly = async |check: SlowCheck| {
            self.slow_checks.fetch_add(1, Ordering::SeqCst);
            Ok(check.run())
        };
        let principal = self
            .authenticator
            .authenticate(api, presented, peer, || Ok(()), check_slowly)
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
            .authenticate(
                &Api::MANAGE,
                presented,
                peer,
                || Ok(()),
                async |_| unreachable!(),
            )
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
    let result = world.call_with(&Api::MANAGE, Some(wrong.expose())).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    let result = world.call_with(&Api::MANAGE, None).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    assert!(matches!(
        world.call(&Api::MANAGE).await,
        Err(AuthError::Disabled)
    ));

    let id = world.id.parse().unwrap();
    world.change(|found| found.client.enabled = true);
    world.authenticator.evict(id);
    assert!(matches!(
        world.call(&Api::MANAGE).await,
        Err(AuthError::Expired)
    ));
    world.change(|found| found.client.expires_at = None);
    world.authenticator.evict(id);
    let result = world.call(&Api::MANAGE).await;
    assert!(matches!(result, Err(AuthError::AddressNotAllowed)));
    world.change(|found| found.client.allowed_ips.push("192.0.2.7".parse().unwrap()));
    world.authenticator.evict(id);
    let result = world.call(&Api::MANAGE).await;
    assert!(matches!(result, Err(AuthError::InsufficientPermissions)));
    world.call(&Api::EXPORT).await.unwrap();
}

#[tokio::test]
async fn a_malformed_secret_costs_no_look_up() {
    let world = World::new(ClientType::Root);
    let mut typo = world.secret.expose().to_owned();
    let last = if typo.ends_with('x') { 'y' } else { 'x' };
    typo.pop();
    typo.push(last);
    for secret in ["", "short", &typo] {
        let result = world.call_with(&Api::MANAGE, Some(secret)).await;
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
    world.call(&Api::EXPORT).await.unwrap();

    project.delete_at = Some(now() + Duration::from_secs(86_400));
    world.change(|found| found.project = Some(project));
    world.authenticator.evict_all();
    let result = world.call(&Api::EXPORT).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
}

#[tokio::test]
async fn a_replaced_secret_ends_on_time_even_in_the_cache() {
    let world = World::new(ClientType::Root);
    world.change(|found| found.secrets[0].expires_at = Some(now() + Duration::from_secs(2)));
    world.call(&Api::MANAGE).await.unwrap();
    world.time.advance(Duration::from_secs(2));
    let result = world.call(&Api::MANAGE).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    assert_eq!(world.lookups(), 1);
}

#[tokio::test]
async fn the_store_is_believed_for_five_seconds() {
    let world = World::new(ClientType::Root);
    world.call(&Api::MANAGE).await.unwrap();
    world.time.advance(Duration::from_millis(4_999));
    world.call(&Api::MANAGE).await.unwrap();
    assert_eq!(world.lookups(), 1);
    world.change(|found| found.client.enabled = false);
    world.time.advance(Duration::from_millis(1));
    assert!(matches!(
        world.call(&Api::MANAGE).await,
        Err(AuthError::Disabled)
    ));
    assert_eq!(world.lookups(), 2);
}

#[tokio::test]
async fn absent_clients_are_remembered_too() {
    let mut world = World::new(ClientType::Root);
    world.id = ClientId::random(&mut rand::rng()).to_string();
    for _ in 0..3 {
        let result = world.call(&Api::MANAGE).await;
        assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    }
    assert_eq!(world.lookups(), 1);
}

#[tokio::test]
async fn a_store_that_is_away_makes_nobody_wrong() {
    let world = World::new(ClientType::Root);
    world.store.away.store(true, Ordering::SeqCst);
    assert!(matches!(
        world.call(&Api::MANAGE).await,
        Err(AuthError::Unavailable(_))
    ));
    // For a second the failure answers for all.
    world.store.away.store(false, Ordering::SeqCst);
    assert!(matches!(
        world.call(&Api::MANAGE).await,
        Err(AuthError::Unavailable(_))
    ));
    assert_eq!(world.lookups(), 1);
    world.time.advance(Duration::from_secs(1));
    world.call(&Api::MANAGE).await.unwrap();
}

#[tokio::test]
async fn uses_that_could_not_be_written_are_put_back_under_later_ones() {
    let world = World::new(ClientType::Root);
    let id = world.id.parse().unwrap();
    world.call(&Api::MANAGE).await.unwrap();
    let taken = world.authenticator.take_uses();
    world.authenticator.put_back_uses(taken.clone());
    assert_eq!(world.authenticator.take_uses(), taken);

    world.time.advance(Duration::from_secs(5));
    world.call(&Api::MANAGE).await.unwrap();
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
            async move { world.call(&Api::MANAGE).await }
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
            world.call(&Api::MANAGE).await,
            Err(AuthError::Disabled)
        ));
        early.await.unwrap().expect("it came before the change");
        assert!(matches!(
            world.call(&Api::MANAGE).await,
            Err(AuthError::Disabled)
        ));
    }
}

#[tokio::test]
async fn uses_are_noted_once_in_a_while() {
    let world = World::new(ClientType::Root);
    let id = world.id.parse().unwrap();
    world.call_with(&Api::MANAGE, None).await.unwrap_err();
    assert!(world.authenticator.take_uses().is_empty());
    world.call(&Api::MANAGE).await.unwrap();
    world.call(&Api::MANAGE).await.unwrap();
    assert_eq!(world.authenticator.take_uses().get(&id), Some(&now()));
    assert!(world.authenticator.take_uses().is_empty());
    world.time.advance(Duration::from_secs(5));
    world.call(&Api::MANAGE).await.unwrap();
    assert_eq!(world.authenticator.take_uses().len(), 1);
}

/// A secret as the public server makes them, and what that stores of it.
const IMPORTED_SECRET: &str = "sec_0123456789abcdef0123";
const IMPORTED_HASH: &str = "00112233445566778899aabbccddeeff.a1b61a14d7c3d8c933d607a316faf4eecd741472db2d77eb18ffde6b69c23fac";

/// A world whose client was imported.
fn imported() -> World {
    let world = World::new(ClientType::Root);
    world.change(|found| {
        found.secrets[0].hash = SecretHash::imported(IMPORTED_HASH).unwrap();
    });
    world
}

impl World {
    async fn call_imported(&self) -> Result<(), AuthError> {
        self.call_with(&Api::MANAGE, Some(IMPORTED_SECRET)).await
    }

    fn slow_checks(&self) -> usize {
        self.slow_checks.load(Ordering::SeqCst)
    }

    fn stored_hash(&self) -> String {
        let found = self.store.found.lock().unwrap();
        found.as_ref().unwrap().secrets[0].hash.to_stored()
    }
}

#[tokio::test]
async fn an_imported_secret_is_checked_slowly_once_and_hashed_anew() {
    let world = imported();
    for wrong in [None, Some("sec_0123456789abcdef0124")] {
        let result = world.call_with(&Api::MANAGE, wrong).await;
        assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    }
    assert_eq!(
        world.slow_checks(),
        1,
        "without a secret nothing is checked"
    );
    assert!(world.stored_hash().starts_with("scrypt:"));
    for _ in 0..3 {
        world.call_imported().await.unwrap();
    }
    assert_eq!(world.slow_checks(), 2);
    let fast = SecretHash::of(&IMPORTED_SECRET.parse().unwrap());
    assert_eq!(world.stored_hash(), fast.to_stored());
    world.authenticator.evict_all();
    world.call_imported().await.unwrap();
    let result = world.call(&Api::MANAGE).await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    assert_eq!(world.slow_checks(), 2);
}

#[tokio::test]
async fn an_imported_secret_works_though_its_hash_cannot_be_replaced() {
    let world = imported();
    world.store.writable.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        world.call_imported().await.unwrap();
    }
    assert_eq!(world.slow_checks(), 1);
    world.authenticator.evict_all();
    world.call_imported().await.unwrap();
    assert_eq!(world.slow_checks(), 2);
    assert!(world.stored_hash().starts_with("scrypt:"));
}

#[tokio::test]
async fn an_imported_secret_that_was_replaced_ends_on_time() {
    let world = imported();
    world.change(|found| found.secrets[0].expires_at = Some(now() + Duration::from_secs(2)));
    world.call_imported().await.unwrap();
    world.time.advance(Duration::from_secs(2));
    let result = world.call_imported().await;
    assert!(matches!(result, Err(AuthError::InvalidCredentials { .. })));
    assert_eq!(world.slow_checks(), 1, "what has ended is not checked");
}

#[tokio::test]
async fn what_was_not_checked_is_neither_right_nor_wrong() {
    let world = imported();
    let presented = Presented {
        client_id: Some(&world.id),
        secret: Some(IMPORTED_SECRET),
    };
    let retry_in = Duration::from_secs(3);
    let refuse = async |_: SlowCheck| Err(NotChecked::TooManyFailures { retry_in });
    let peer = PEER.parse::<IpAddr>().unwrap();
    let refused =
        world
            .authenticator
            .authenticate(&Api::MANAGE, presented, peer, || Ok(()), refuse);
    let refused = refused.await.unwrap_err();
    assert!(matches!(refused, AuthError::NotChecked(_)), "{refused}");
    world.call_imported().await.unwrap();
}

#[tokio::test]
async fn only_who_is_not_known_yet_is_kept_from_being_looked_up() {
    let world = World::new(ClientType::Read);
    let call = async |id: &str| {
        let presented = Presented {
            client_id: Some(id),
            secret: Some(world.secret.expose()),
        };
        let peer = PEER.parse::<IpAddr>().unwrap();
        let refuse = || Err::<(), _>(NotChecked::Crowded);
        let no_check = async |_: SlowCheck| unreachable!();
        let calling =
            world
                .authenticator
                .authenticate(&Api::INSIGHTS, presented, peer, refuse, no_check);
        calling.await.map(drop)
    };
    let stranger = ClientId::random(&mut rand::rng()).to_string();
    for id in [&stranger, &world.id] {
        let refused = call(id).await;
        assert!(matches!(refused, Err(AuthError::NotChecked(_))), "{id}");
    }
    assert_eq!(world.lookups(), 0);
    // Nor is that remembered of anybody.
    world.call(&Api::INSIGHTS).await.unwrap();
    call(&world.id).await.unwrap();
    world.time.advance(Duration::from_secs(6));
    call(&world.id).await.unwrap();
    assert_eq!(world.lookups(), 2);
}
