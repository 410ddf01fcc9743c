//! One pace for all processes behind one public address.

use super::Module;

/// A row of a process that is gone is believed until then.
const UNTIL: &str = "ALTER TABLE kwtsms_waiting ADD COLUMN until bigint NOT NULL DEFAULT 0";

/// Times are in microseconds since 1970, by the store's clock.
pub(super) const MODULE: Module = Module {
    name: "pace",
    sqlite: &[
        "
        CREATE TABLE kwtsms_pace (
            scope TEXT PRIMARY KEY,
            single_rate REAL NOT NULL,
            bulk_rate REAL NOT NULL,
            single_period INTEGER NOT NULL,
            bulk_period INTEGER NOT NULL,
            gap INTEGER NOT NULL,
            single_next INTEGER NOT NULL,
            bulk_next INTEGER NOT NULL,
            granted INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE kwtsms_waiting (
            scope TEXT NOT NULL,
            process TEXT NOT NULL,
            single INTEGER NOT NULL,
            bulk INTEGER NOT NULL,
            seen INTEGER NOT NULL,
            PRIMARY KEY (scope, process)
        ) WITHOUT ROWID;
    ",
        UNTIL,
    ],
    postgres: &[
        "
        CREATE TABLE kwtsms_pace (
            scope text PRIMARY KEY,
            single_rate double precision NOT NULL,
            bulk_rate double precision NOT NULL,
            single_period bigint NOT NULL,
            bulk_period bigint NOT NULL,
            gap bigint NOT NULL,
            single_next bigint NOT NULL,
            bulk_next bigint NOT NULL,
            granted bigint NOT NULL,
            -- Which run of which server wrote it last: when that was started.
            server bigint NOT NULL,
            -- What the last asker was answered: the update itself returns it.
            answer_wait bigint NOT NULL DEFAULT 0,
            answer_now bigint NOT NULL DEFAULT 0
        ) WITH (fillfactor = 50);
        CREATE TABLE kwtsms_waiting (
            scope text NOT NULL,
            process text NOT NULL,
            single bigint NOT NULL,
            bulk bigint NOT NULL,
            seen bigint NOT NULL,
            PRIMARY KEY (scope, process)
        );
    ",
        UNTIL,
    ],
};
