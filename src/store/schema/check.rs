//! One row that is written and read back when a store is opened.

use super::Module;

pub(super) const MODULE: Module = Module {
    name: "check",
    sqlite: &["CREATE TABLE kwtsms_check (id INTEGER PRIMARY KEY, token INTEGER NOT NULL)"],
    postgres: &[],
};
