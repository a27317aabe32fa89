//! How changes are cut into batches makes no difference.

use paneld_events::Batch;
use proptest::prelude::*;

use crate::{
    fixtures::*,
    model::{Model, change, project},
};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn however_changes_are_cut_into_batches_the_rows_are_those_of_the_model(
        changes in prop::collection::vec((project(), change()), 0..120),
        sizes in prop::collection::vec(1..40usize, 120),
    ) {
        let folder = Folder::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = folder.store();
            let mut rest = &changes[..];
            for (position, size) in (1..).zip(sizes) {
                let (now, later) = rest.split_at(size.min(rest.len()));
                let batch = Batch { position, changes: now.to_vec() };
                store.apply(batch).await.unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            assert!(rest.is_empty());
            let mut model = Model::default();
            for change in changes {
                model.apply(change);
            }
            model.compare(&folder, store).await;
        });
        assert_eq!(folder.wrong_numbers(), Vec::<String>::new());
    }
}
