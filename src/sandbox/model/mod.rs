//! The gateway as a pure model: a request and the time in, an answer out. No I/O, and no clock of its own.

pub(super) mod account;
pub(super) mod digits;
pub(super) mod endpoints;
pub(super) mod entries;
pub(super) mod exchange;
pub(super) mod faults;
pub(super) mod flaws;
pub(super) mod gateway;
pub(super) mod history;
pub(super) mod masked;
pub(super) mod message;
pub(super) mod otp;
pub(super) mod posted;
pub(super) mod problems;
pub(super) mod reply;
pub(super) mod request;
pub(super) mod rules;
pub(super) mod send;
pub(super) mod settings;
pub(super) mod traffic;

#[cfg(test)]
mod tests;
