//! What the log keeps.

use crate::{
    fixtures::*,
    removing::{ann_and_bob, erase},
};

#[tokio::test]
async fn behind_an_erasure_the_log_tells_nothing_of_whom_it_was() {
    let file = File::new();
    let store = file.store();
    let tells_of_ann = || {
        let bytes = std::fs::read(file.log()).unwrap_or_default();
        bytes.windows(5).any(|window| window == b"ann's")
    };
    store.apply(batch(1, ann_and_bob())).await.unwrap();
    assert!(tells_of_ann());
    store.apply(batch(2, [erase("ann")])).await.unwrap();
    assert!(!tells_of_ann());
}
