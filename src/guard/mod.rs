//! Guards around a live account: who may be written to, what may be spent, what has to be left, and when.

mod floor;
mod guards;
mod limit;
mod price;
#[cfg(feature = "quiet-hours")]
mod quiet;
#[cfg(any(feature = "store", feature = "redis"))]
mod shared;
mod spend;
#[cfg(feature = "quiet-hours")]
mod window;
mod window_sum;

pub(crate) use floor::Short;
pub(crate) use guards::{Guards, Hold};
pub use limit::SpendLimit;
#[cfg(feature = "quiet-hours")]
pub(crate) use quiet::QuietHours;
#[cfg(any(feature = "store", feature = "redis"))]
pub(crate) use shared::StoredSpending;
pub(crate) use spend::Spending;
#[cfg(feature = "quiet-hours")]
pub(crate) use window::KUWAIT;
#[cfg(feature = "campaign")]
pub(crate) use window::{Hours, Window};
#[cfg(feature = "diagnose")]
pub(crate) use window_sum::Spent;

#[cfg(test)]
#[cfg(feature = "store")]
mod tests;
