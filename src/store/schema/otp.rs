//! Challenges and counts of one-time codes. Codes, numbers and addresses are HMACs; times are milliseconds since 1970.

use super::Module;

pub(super) const MODULE: Module = Module {
    name: "otp",
    sqlite: &["CREATE TABLE kwtsms_otp (
            id BLOB PRIMARY KEY,
            context BLOB NOT NULL,
            attempts INTEGER NOT NULL,
            max_attempts INTEGER NOT NULL,
            used_at INTEGER NOT NULL,
            serial INTEGER NOT NULL,
            sent INTEGER NOT NULL,
            pending INTEGER NOT NULL,
            code BLOB,
            expires INTEGER NOT NULL,
            code_before BLOB,
            before_expires INTEGER NOT NULL,
            begun INTEGER NOT NULL,
            forgotten_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE kwtsms_otp_count (
            key BLOB PRIMARY KEY,
            n INTEGER NOT NULL,
            verified INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            forgotten_at INTEGER NOT NULL
        ) WITHOUT ROWID"],
    postgres: &["CREATE TABLE kwtsms_otp (
            id bytea PRIMARY KEY,
            context bytea NOT NULL,
            attempts int8 NOT NULL,
            max_attempts int8 NOT NULL,
            used_at int8 NOT NULL,
            serial int8 NOT NULL,
            sent int8 NOT NULL,
            pending bool NOT NULL,
            code bytea,
            expires int8 NOT NULL,
            code_before bytea,
            before_expires int8 NOT NULL,
            begun int8 NOT NULL,
            forgotten_at int8 NOT NULL
        ) WITH (fillfactor = 70);
        CREATE TABLE kwtsms_otp_count (
            key bytea PRIMARY KEY,
            n int8 NOT NULL,
            verified int8 NOT NULL,
            expires int8 NOT NULL,
            cap int8 NOT NULL,
            share int8 NOT NULL,
            time_ms int8 NOT NULL
        ) WITH (fillfactor = 70)"],
};
