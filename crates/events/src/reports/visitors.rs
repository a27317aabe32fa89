//! Who was there, in buckets of time.
//!
//! People have small numbers (`numbers.rs`), so that a set of them is a string of bits: DuckDB
//! makes one of each bucket, and people of many buckets are the bits that are in any of them.

use duckdb::{
    Connection,
    arrow::{
        array::AsArray as _,
        datatypes::{Int64Type, UInt32Type},
    },
};
use paneld_domain::ProjectKey;
use roaring::RoaringBitmap;

use crate::{
    error::Fault,
    sql::{Sql, of_project},
};

/// All buckets together have so many bits at most: 32 MB, in each of DuckDB's threads.
const MOST_BITS: u64 = 256 << 20;

/// How the visitors of the sessions `s` are found.
pub(super) enum Visitors {
    /// By an aggregate of bits, up to this number.
    Bits(u32),
    /// One by one: the bits would be too many.
    Pairs,
}

impl Visitors {
    /// The way that suits so many buckets of a project.
    pub(super) fn of(
        connection: &Connection,
        project: ProjectKey,
        buckets: usize,
    ) -> Result<Self, Fault> {
        let greatest: u32 = Sql::new("SELECT coalesce(max(v.number), 0) FROM visitors v WHERE ")
            .add(of_project("v", project))
            .query_row(connection, |row| row.get(0))?;
        // Whole bytes.
        let last = greatest | 7;
        let fits = u64::from(last).saturating_mul(buckets as u64) <= MOST_BITS;
        Ok(if fits { Self::Bits(last) } else { Self::Pairs })
    }

    /// The aggregate of a bucket's visitors, which [`set_of_bits`] reads; empty, when they are
    /// found one by one.
    pub(super) fn aggregate(&self) -> String {
        match self {
            Self::Bits(last) => {
                format!("bitstring_agg(s.visitor, 0::UINTEGER, {last}::UINTEGER)::BLOB")
            }
            Self::Pairs => "''::BLOB".to_owned(),
        }
    }
}

/// The set of a string of bits; the first bit is the highest of its byte.
pub(super) fn set_of_bits(bits: &[u8]) -> RoaringBitmap {
    let bytes = bits.iter().map(|byte| byte.reverse_bits());
    RoaringBitmap::from_lsb0_bytes(0, &bytes.collect::<Vec<_>>())
}

/// The visitors of the sessions `s` that match, told one by one with their buckets.
pub(super) fn each_pair(
    connection: &Connection,
    bucket: Sql,
    matching: Sql,
    mut tell: impl FnMut(usize, u32),
) -> Result<(), Fault> {
    Sql::new("SELECT DISTINCT ")
        .add(bucket)
        .push("::BIGINT, s.visitor FROM sessions s WHERE ")
        .add(matching)
        .query_columns(connection, |rows| {
            let buckets = rows.column(0).as_primitive::<Int64Type>();
            let visitors = rows.column(1).as_primitive::<UInt32Type>();
            for (bucket, visitor) in buckets.values().iter().zip(visitors.values()) {
                tell(usize::try_from(*bucket).unwrap_or_default(), *visitor);
            }
            Ok(())
        })
}
