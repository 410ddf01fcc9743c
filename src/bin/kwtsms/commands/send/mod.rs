//! send: what is asked before, the run, and what is said after.

mod arguments;
mod dry_run;
mod entry;
mod feed;
mod in_flight;
mod measure;
mod printer;
mod progress;
mod report;
mod run;
mod start;
mod state;
mod tally;

pub(crate) use arguments::Args;
pub(crate) use report::Report;
pub(crate) use start::run;
