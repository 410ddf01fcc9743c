//! What all processes of an account share: the numbers that rest, the wait for a full queue, and what was spent.

use super::Module;

/// Times are in microseconds since 1970, by the store's clock.
pub(super) const MODULE: Module = Module {
    name: "account",
    sqlite: &[
        "
        CREATE TABLE kwtsms_number (
            account TEXT NOT NULL,
            number INTEGER NOT NULL,
            owner INTEGER NOT NULL,
            until INTEGER NOT NULL,
            PRIMARY KEY (account, number)
        ) WITHOUT ROWID;
        CREATE INDEX kwtsms_number_until ON kwtsms_number (until);
        CREATE TABLE kwtsms_gate (
            account TEXT PRIMARY KEY,
            owner INTEGER NOT NULL,
            until INTEGER NOT NULL
        ) WITHOUT ROWID;
    ",
        // In thousandths of a credit, by the minute since 1970.
        "
        CREATE TABLE kwtsms_spent (
            account TEXT NOT NULL,
            minute INTEGER NOT NULL,
            spent INTEGER NOT NULL,
            PRIMARY KEY (account, minute)
        ) WITHOUT ROWID;
    ",
    ],
    postgres: &[
        "
        CREATE TABLE kwtsms_number (
            account text NOT NULL,
            number bigint NOT NULL,
            owner bigint NOT NULL,
            until bigint NOT NULL,
            PRIMARY KEY (account, number)
        );
        CREATE INDEX kwtsms_number_until ON kwtsms_number (until);
        CREATE TABLE kwtsms_gate (
            account text PRIMARY KEY,
            owner bigint NOT NULL,
            until bigint NOT NULL
        );
    ",
        "
        CREATE TABLE kwtsms_spent (
            account text NOT NULL,
            minute bigint NOT NULL,
            spent bigint NOT NULL,
            PRIMARY KEY (account, minute)
        ) WITH (fillfactor = 70);
    ",
    ],
};
