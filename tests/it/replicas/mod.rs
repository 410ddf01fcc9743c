//! Replicas: processes behind one public address, counted at the gateway's door over each store.
//!
//! Each case lasts as many seconds as `KWTSMS_REPLICA_SECONDS` says. Where it is unset, three of them run for 4 s and
//! the others say so and pass; `.ci/run` sets it. Cases take turns. What a busy machine adds is measured beside them,
//! in every process: the exact figures are asked for only where all of them are quiet, the ceiling always.

#![allow(clippy::print_stdout)] // the figures, for whoever runs it

mod cases;
mod process;
mod proxy;
pub(crate) mod servers;
