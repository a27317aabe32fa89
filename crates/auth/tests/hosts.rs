//! What another service does with this crate: an API and clients of its own, and the proofs that
//! the policy was asked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{net::IpAddr, sync::Arc, time::Duration};

use paneld_auth::{
    Access, Api, AuthError, Authenticator, Authorized, CredentialStore, Credentials,
    MemoryCredentials, PlainSecret, Presented, Principal, ProjectChoice, ProjectDenied, SecretHash,
    Stale, permission::Permission,
};
use paneld_domain::{
    ClientId, ClientType, ManualClock, NewProject, Project, ProjectChanges, ProjectKey, Timestamp,
};

/// Readers see their project's invoices, and root clients those of every project.
#[derive(Debug)]
struct Billing;

impl Permission for Billing {
    const API: Api = Api::new("billing", Access::READERS);
}

struct Host {
    store: Arc<MemoryCredentials>,
    authenticator: Authenticator,
    time: ManualClock,
}

impl Host {
    fn new() -> Self {
        let time = ManualClock::starting_at(Timestamp::UNIX_EPOCH);
        let store = Arc::new(MemoryCredentials::default());
        let shared = Arc::clone(&store) as Arc<dyn CredentialStore>;
        Self {
            authenticator: Authenticator::new(shared, time.clock()),
            store,
            time,
        }
    }

    async fn call(&self, id: ClientId, secret: &PlainSecret) -> Result<Principal, AuthError> {
        let id = id.to_string();
        let presented = Presented {
            client_id: Some(&id),
            secret: Some(secret.expose()),
        };
        let peer = IpAddr::from([192, 0, 2, 7]);
        let api = &Billing::API;
        let authenticated = self.authenticator.authenticate(
            api,
            presented,
            peer,
            || Ok(()),
            async |_| unreachable!("no secret is imported"),
        );
        authenticated.await
    }

    /// A client of this type, of the organization `acme`, bound to this project if to any.
    async fn caller(
        &self,
        client_type: ClientType,
        project: Option<Project>,
    ) -> Authorized<Billing> {
        let (secret, now) = (PlainSecret::generate(), Timestamp::UNIX_EPOCH);
        let id = ClientId::random(&mut rand::rng());
        let hash = SecretHash::of(&secret);
        let acme = "acme".parse().unwrap();
        self.store.insert(Credentials {
            project,
            ..Credentials::new(id, acme, client_type, hash, now)
        });
        let principal = self.call(id, &secret).await.unwrap();
        Authorized::check(principal, "test").unwrap()
    }
}

fn project(id: &str, organization: &str) -> Project {
    let new = NewProject {
        name: "A shop".parse().unwrap(),
        settings: ProjectChanges::default(),
    };
    let (id, organization) = (id.parse().unwrap(), organization.parse().unwrap());
    new.build(ProjectKey(1), id, organization, Timestamp::UNIX_EPOCH)
}

#[tokio::test]
async fn an_api_of_the_host_is_for_those_whom_it_names() {
    let host = Host::new();
    let now = Timestamp::UNIX_EPOCH;
    for (client_type, may_call) in [
        (ClientType::Read, true),
        (ClientType::Write, false),
        (ClientType::Root, true),
    ] {
        let (id, secret) = host.store.create("acme".parse().unwrap(), client_type, now);
        let called = host.call(id, &secret).await;
        assert_eq!(called.is_ok(), may_call, "{client_type:?}: {called:?}");
    }
}

#[tokio::test]
async fn a_client_that_is_removed_is_believed_for_seconds_unless_it_is_forgotten() {
    let host = Host::new();
    let now = Timestamp::UNIX_EPOCH;
    let make = || {
        host.store
            .create("acme".parse().unwrap(), ClientType::Read, now)
    };
    let ((left, left_secret), (forgotten, forgotten_secret)) = (make(), make());
    for (id, secret) in [(left, &left_secret), (forgotten, &forgotten_secret)] {
        host.call(id, secret).await.unwrap();
        host.call(id, &PlainSecret::generate()).await.unwrap_err();
        assert!(host.store.remove(id).is_some());
        assert!(host.store.remove(id).is_none());
    }
    host.authenticator.forget(Stale::Client(forgotten));
    host.call(forgotten, &forgotten_secret).await.unwrap_err();
    host.call(left, &left_secret).await.unwrap();
    host.time.advance(Duration::from_secs(5));
    host.call(left, &left_secret).await.unwrap_err();
}

#[tokio::test]
async fn a_bound_client_has_its_own_project_and_learns_of_no_other() {
    let host = Host::new();
    let own = project("shop", "acme");
    let reader = host.caller(ClientType::Read, Some(own)).await;
    for named in [None, Some("shop")] {
        let choice = reader.project(named).unwrap();
        let ProjectChoice::Own(access) = choice else {
            panic!("{named:?}: {choice:?}");
        };
        assert_eq!(access.project().id.as_str(), "shop");
    }
    for other in ["other", "", "No id"] {
        let denied = reader.project(Some(other)).unwrap_err();
        assert_eq!(denied, ProjectDenied::Forbidden, "{other}");
    }
}

#[tokio::test]
async fn a_root_client_has_the_live_projects_of_its_organization() {
    let host = Host::new();
    let root = host.caller(ClientType::Root, None).await;
    assert_eq!(root.project(None).unwrap_err(), ProjectDenied::Unnamed);
    let malformed = root.project(Some("No id")).unwrap_err();
    assert_eq!(malformed, ProjectDenied::NotFound);

    let deleted = Project {
        delete_at: Some(Timestamp::UNIX_EPOCH),
        ..project("shop", "acme")
    };
    for (found, expected) in [
        (Some(project("shop", "acme")), Ok("shop".to_owned())),
        (Some(project("shop", "beta")), Err(ProjectDenied::NotFound)),
        (Some(project("other", "acme")), Err(ProjectDenied::NotFound)),
        (Some(deleted), Err(ProjectDenied::NotFound)),
        (None, Err(ProjectDenied::NotFound)),
    ] {
        let ProjectChoice::Other(named) = root.project(Some("shop")).unwrap() else {
            panic!("a root client is bound to no project");
        };
        assert_eq!(named.organization_id().as_str(), "acme");
        let what = format!("{found:?}");
        let access = named.found(found);
        let id = access.map(|access| access.into_project().id.to_string());
        assert_eq!(id, expected, "{what}");
    }
}
