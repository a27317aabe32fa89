//! Whether a catalog's tables are those of this program, and how they become so. The same for
//! every backend.

use diesel::{backend::Backend, migration::MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use crate::RepositoryError;

/// What is done with the tables when the catalog is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preparation {
    /// Tables are made where there are none. Else they must be up to date; in a file that one
    /// server has to itself, they are brought up to date.
    Begin,
    /// Tables are made, or brought up to date.
    Migrate,
    /// Tables must be there, and up to date.
    DemandCurrent,
}

/// Brings the tables up to date.
pub(crate) fn run<C, B: Backend>(
    connection: &mut C,
    migrations: EmbeddedMigrations,
) -> Result<(), RepositoryError>
where
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    demand_known(connection, &migrations)?;
    connection
        .run_pending_migrations(migrations)
        .map_err(RepositoryError::Internal)?;
    Ok(())
}

/// Demands that the tables are up to date.
pub(crate) fn demand_current<C, B: Backend>(
    connection: &mut C,
    migrations: EmbeddedMigrations,
) -> Result<(), RepositoryError>
where
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    demand_known(connection, &migrations)?;
    let pending = connection.has_pending_migration(migrations);
    if pending.map_err(RepositoryError::Internal)? {
        return Err(RepositoryError::Unsuitable(
            "the catalog is older than this program: run paneld migrate".to_owned(),
        ));
    }
    Ok(())
}

/// Whether there are no tables yet.
pub(crate) fn is_new<C, B: Backend>(connection: &mut C) -> Result<bool, RepositoryError>
where
    C: MigrationHarness<B>,
{
    let applied = connection.applied_migrations();
    Ok(applied.map_err(RepositoryError::Internal)?.is_empty())
}

/// Demands that the tables are not those of a newer program.
pub(crate) fn demand_known<C, B: Backend>(
    connection: &mut C,
    migrations: &EmbeddedMigrations,
) -> Result<(), RepositoryError>
where
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    let known = migrations.migrations().map_err(RepositoryError::Internal)?;
    let applied = connection.applied_migrations();
    for version in applied.map_err(RepositoryError::Internal)? {
        if !known
            .iter()
            .any(|migration| migration.name().version() == version)
        {
            return Err(RepositoryError::Unsuitable(format!(
                "the catalog was used by a newer version of this program (its tables are at \
                 {version})"
            )));
        }
    }
    Ok(())
}
