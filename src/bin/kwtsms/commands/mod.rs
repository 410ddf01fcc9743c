//! One file a verb: its arguments and what it does.

pub(crate) mod balance;
pub(crate) mod campaign;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod coverage;
pub(crate) mod dlr;
pub(crate) mod doctor;
pub(crate) mod limits;
pub(crate) mod man;
pub(crate) mod otp;
pub(crate) mod outbox;
pub(crate) mod pages;
pub(crate) mod sandbox;
pub(crate) mod send;
pub(crate) mod senderid;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod verify;
