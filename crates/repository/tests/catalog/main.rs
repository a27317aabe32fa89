//! What every backend of the catalog must do, beyond what the HTTP suite sees.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contract;
mod migrations;
mod postgres;
mod sqlite;
mod world;

/// Makes a test for each backend out of each function of the contract.
macro_rules! stamp {
    ($($name:ident,)*) => {
        mod on_sqlite {
            $(
                #[test]
                fn $name() {
                    crate::world::run(crate::world::Place::sqlite(), crate::contract::$name);
                }
            )*
        }

        mod on_postgres {
            $(
                #[test]
                #[ignore = "needs Postgres: cargo xtask test"]
                fn $name() {
                    crate::world::run(crate::world::Place::postgres(), crate::contract::$name);
                }
            )*
        }
    };
}

stamp! {
    times_keep_their_microseconds_and_their_order,
    pages_of_ties_neither_lose_nor_repeat,
    what_is_not_there_stays_so,
    of_two_that_remove_the_last_roots_one_wins,
    of_two_that_begin_one_wins,
    changes_side_by_side_are_all_kept,
    a_use_is_not_undone_by_a_change,
    a_caller_that_goes_away_breaks_nothing,
    waiting_writers_are_turned_away_and_come_back,
    an_earlier_use_does_not_replace_a_later_one,
    organizations_of_the_same_name_have_ids_of_their_own,
    projects_of_the_same_name_have_ids_of_their_own_at_once,
    bootstrapping_knows_which_secrets_still_work,
    bootstrapping_does_not_fall_for_a_name,
    a_purge_takes_all_that_hangs_on_a_project,
    every_change_has_its_entry_and_nothing_else_has,
    what_fails_leaves_no_entry,
    what_is_made_once_leaves_its_reply_for_a_day,
    a_deleted_caller_leaves_no_replies,
    what_is_made_once_is_not_waited_for,
    what_fails_leaves_no_reply,
}
