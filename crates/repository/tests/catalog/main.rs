//! What every backend of the catalog must do, beyond what the HTTP suite sees.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contract;
mod migrations;
mod people;
mod postgres;
mod servers;
mod sqlite;
mod world;

/// Makes a test for each backend out of each function of the contract.
macro_rules! stamp {
    ($($file:ident { $($name:ident,)* })*) => {
        mod on_sqlite {
            $($(
                #[test]
                fn $name() {
                    crate::world::run(crate::world::Place::sqlite(), crate::$file::$name);
                }
            )*)*
        }

        mod on_postgres {
            $($(
                #[test]
                #[ignore = "needs Postgres: cargo xtask test"]
                fn $name() {
                    crate::world::run(crate::world::Place::postgres(), crate::$file::$name);
                }
            )*)*
        }
    };
}

stamp! {
    contract {
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
    people {
        what_is_told_of_a_profile_is_merged,
        any_text_comes_back_as_it_was,
        changes_are_applied_once_and_in_order,
        a_restored_spool_goes_on_where_the_one_it_is_a_copy_of_was,
        what_fails_is_not_applied_in_part,
        additions_side_by_side_all_count,
        batches_side_by_side_do_not_wait_in_a_circle,
        many_changes_at_once_are_what_they_are_one_by_one,
        changes_of_an_alias_go_to_the_profile_it_names,
        aliases_of_aliases_name_the_profile,
        a_claimed_alias_changes_nothing_that_is_there,
        an_erasure_takes_none_that_was_only_claimed,
        a_profile_has_so_many_aliases_and_no_more,
        a_profile_that_is_told_more_and_more_stays_within_its_bounds,
        a_row_of_any_size_stays_and_only_shrinks,
        big_rows_are_changed_and_copied_in_portions,
        an_erased_profile_is_gone_with_its_aliases,
        groups_are_merged_and_keep_their_age,
        what_is_not_there_is_not_found,
        profiles_are_listed_by_the_ids_that_were_asked_for,
        projects_do_not_see_each_others_people,
        changes_of_a_purged_project_are_left_out,
        a_purge_takes_the_people_and_is_remembered_for_ever,
        a_purge_of_many_people_is_finished_in_portions,
        retentions_are_those_of_all_projects,
        salts_change_at_midnight_in_utc,
        of_two_that_make_the_salts_one_wins,
        salts_of_a_clock_that_was_ahead_are_forgotten,
        salts_are_not_shown,
    }
    servers {
        servers_are_listed_with_what_they_told,
        an_earlier_start_of_the_same_server_is_replaced,
        a_server_with_events_is_not_beside_another,
        of_two_with_events_that_register_at_once_one_wins,
        a_silent_server_is_replaced_only_by_who_saw_it_silent,
        a_server_that_was_forgotten_registers_anew,
        who_was_replaced_finds_out_and_does_not_come_back,
    }
}
