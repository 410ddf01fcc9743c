//! The questions that are asked when something does not work, answered in one go.

mod account;
mod ask;
mod call;
mod check;
mod guards;
mod message;
mod names;
mod network;
mod number;
mod run;
mod text;
mod watch;

pub use call::Diagnose;
pub use check::{Check, CheckStatus, Diagnosis};
