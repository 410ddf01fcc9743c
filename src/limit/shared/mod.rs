//! One pace for many processes: a store gives the starts.

mod join;
mod mapping;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg_attr(not(feature = "store"), allow(dead_code))] // Redis computes it by its script
mod schedule;
mod slots;
mod source;
#[cfg(feature = "store")]
mod sqlite;
mod told;

#[cfg(feature = "redis")]
pub(super) use self::join::in_redis;
#[cfg(feature = "store")]
pub(super) use self::join::in_store;
pub(super) use self::join::join;
#[cfg(test)]
#[cfg(feature = "store")]
pub(super) use self::schedule::{Answer, Scope};
pub(super) use self::slots::{Asked, Due, LATE, Next, Shared, ask};
#[cfg(test)]
#[cfg(feature = "store")]
pub(super) use self::source::Begun;
pub(super) use self::source::{Seen, Source, Waits};
pub(super) use self::told::{Word, host_and_id};

#[cfg(test)]
#[cfg(feature = "store")]
mod tests;
