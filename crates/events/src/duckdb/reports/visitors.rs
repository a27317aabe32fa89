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

use crate::duckdb::{
    fault::Fault,
    sql::{Sql, of_project},
};

/// All buckets together have so many bits at most: 8 MB, which some steps hold beside each other.
const MOST_BITS: u64 = 64 << 20;

/// How the visitors of the sessions `s` are found.
pub(super) enum Visitors {
    /// By an aggregate of bits, for these numbers.
    Bits { first: u32, last: u32 },
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
        let (least, greatest): (u32, u32) = Sql::new(
            "SELECT coalesce(min(v.number), 0), coalesce(max(v.number), 0)
            FROM visitors v WHERE ",
        )
        .add(of_project("v", project))
        .query_row(connection, |row| Ok((row.get(0)?, row.get(1)?)))?;
        // Whole bytes. Where old visitors are forgotten, numbers begin far above 0.
        let (first, last) = (least & !7, greatest | 7);
        let fits = u64::from(last - first).saturating_mul(buckets as u64) <= MOST_BITS;
        Ok(if fits {
            Self::Bits { first, last }
        } else {
            Self::Pairs
        })
    }

    /// Two columns with the visitors of a bucket, which [`Self::set`] reads; empty, when they are
    /// found one by one.
    pub(super) fn columns(&self) -> String {
        match self {
            Self::Bits { first, last } => format!(
                "coalesce(bitstring_agg(s.visitor, {first}::UINTEGER, {last}::UINTEGER)
                    FILTER (s.visitor <> 0)::BLOB, ''::BLOB), bool_or(s.visitor = 0)"
            ),
            Self::Pairs => "''::BLOB, FALSE".to_owned(),
        }
    }

    /// The set of a bucket.
    pub(super) fn set(&self, bits: &[u8], is_somebody_unknown: bool) -> RoaringBitmap {
        let first = match self {
            Self::Bits { first, .. } => *first,
            Self::Pairs => 0,
        };
        // The first is the highest of its byte.
        let bytes = bits.iter().map(|byte| byte.reverse_bits());
        let mut set = RoaringBitmap::from_lsb0_bytes(first, &bytes.collect::<Vec<_>>());
        if is_somebody_unknown {
            set.insert(0);
        }
        set
    }
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
        .stream(connection, |rows| {
            let buckets = rows.column(0).as_primitive::<Int64Type>();
            let visitors = rows.column(1).as_primitive::<UInt32Type>();
            for (bucket, visitor) in buckets.values().iter().zip(visitors.values()) {
                tell(usize::try_from(*bucket).unwrap_or_default(), *visitor);
            }
            Ok(())
        })
}
