//! A change and the eviction that goes with it happen both, whatever becomes of the caller.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{net::IpAddr, sync::Arc, time::Duration};

use paneld_auth::{
    Api, AuthError, Authenticator, Authorized, CredentialStore, PlainSecret, Presented, permission,
};
use paneld_domain::{ClientChanges, ClientType, Limits, ManualClock, NewClient, parse_timestamp};
use paneld_service::{Admin, CatalogUrl, Manage, ManageSettings, Repository, Revocations};

/// The clock stands still, so a cached client is believed until it is evicted.
#[test]
fn a_revocation_is_heeded_though_its_caller_went_away() {
    let folder = tempfile::tempdir().unwrap();
    let main = tokio::runtime::Runtime::new().unwrap();
    let url = CatalogUrl::Sqlite(folder.path().join("catalog.sqlite"));
    let repository = main.block_on(Repository::open(&url)).unwrap();
    // As in an actix worker, where the futures of callers that go away are dropped.
    let worker = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut reached = 0;
    for round in 0..40 {
        let patience = Duration::from_micros(round * 50);
        reached += usize::from(worker.block_on(revoke(&repository, patience)));
    }
    assert!(reached > 0, "no revocation was carried out");
}

/// Revokes a client, but loses patience. Says whether the revocation was carried out.
async fn revoke(repository: &Repository, patience: Duration) -> bool {
    let clock = ManualClock::starting_at(parse_timestamp("2026-01-15").unwrap()).clock();
    let store: Arc<dyn CredentialStore> = Arc::new(repository.clone());
    let authenticator = Arc::new(Authenticator::new(store, clock.clone()));
    let settings = ManageSettings {
        limits: Limits::default(),
        allow_root_creation: true,
    };
    let manage = Manage::new(
        repository.clone(),
        Revocations::local(Arc::clone(&authenticator)),
        clock.clone(),
        settings,
    );
    let admin = Admin::new(repository.clone(), clock);
    let name = "Acme".parse().unwrap();
    let organization = admin.create_organization(name).await.unwrap().id;
    let root = || NewClient {
        name: "Root".parse().unwrap(),
        client_type: ClientType::Root,
        project_id: None,
        settings: ClientChanges::default(),
    };
    let keeper = admin
        .create_client(organization.clone(), root())
        .await
        .unwrap();
    let victim = admin.create_client(organization, root()).await.unwrap();

    let authenticate = async |id: String, secret: &PlainSecret| {
        let presented = Presented {
            client_id: Some(&id),
            secret: Some(secret.expose()),
        };
        let peer = IpAddr::from([192, 0, 2, 7]);
        authenticator
            .authenticate(
                &Api::MANAGE,
                presented,
                peer,
                || Ok(()),
                async |_| unreachable!(),
            )
            .await
    };
    let id = victim.client_id;
    authenticate(id.to_string(), &victim.secret).await.unwrap();
    let keeper = authenticate(keeper.client_id.to_string(), &keeper.secret)
        .await
        .unwrap();
    let keeper = Authorized::<permission::Manage>::check(keeper, "test").unwrap();
    let changes = ClientChanges {
        enabled: Some(false),
        ..ClientChanges::default()
    };
    let _ = tokio::time::timeout(patience, manage.update_client(&keeper, id, changes)).await;

    // What was begun may still be at work.
    for _ in 0..200 {
        let refused = authenticate(id.to_string(), &victim.secret).await;
        if matches!(refused, Err(AuthError::Disabled)) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let found = manage.get_client(&keeper, id).await.unwrap();
    assert!(found.enabled, "it is revoked, but is still let in");
    false
}
