//! The ways into the model: within the process, and over HTTP.

pub(super) mod guard;
pub(super) mod http;
pub(super) mod in_process;
