//! Campaigns: what is to be sent, batch by batch, and what became of it. Times are microseconds since 1970 by the
//! store's clock, amounts are thousandths of a credit.
//!
//! The second step gives a store a number of its own, which its copies share: by it a worker's journal tells a store that
//! was put back from one that was begun anew.

use super::module::Module;

pub(super) const MODULE: Module = Module {
    name: "campaign",
    sqlite: &[
        "
        CREATE TABLE kwtsms_campaign (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            account TEXT,
            sender TEXT,
            test INTEGER NOT NULL,
            state INTEGER NOT NULL,
            reason TEXT,
            priority INTEGER NOT NULL,
            hours TEXT,
            zone TEXT,
            open_from INTEGER NOT NULL,
            open_until INTEGER NOT NULL,
            not_before INTEGER,
            not_after INTEGER,
            loader INTEGER NOT NULL,
            settings TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            approved_at INTEGER
        );
        CREATE TABLE kwtsms_text (
            campaign INTEGER NOT NULL,
            n INTEGER NOT NULL,
            body TEXT NOT NULL,
            pages INTEGER NOT NULL,
            PRIMARY KEY (campaign, n)
        ) WITHOUT ROWID;
        CREATE TABLE kwtsms_batch (
            id INTEGER PRIMARY KEY,
            campaign INTEGER NOT NULL,
            body INTEGER NOT NULL,
            pages INTEGER NOT NULL,
            size INTEGER NOT NULL,
            state INTEGER NOT NULL DEFAULT 0,
            not_before INTEGER NOT NULL DEFAULT 0,
            attempt INTEGER NOT NULL DEFAULT 0,
            fence INTEGER NOT NULL DEFAULT 0,
            claim INTEGER,
            worker INTEGER,
            sent_at INTEGER,
            expires_at INTEGER,
            message_id TEXT,
            code TEXT,
            reason TEXT,
            points INTEGER,
            balance INTEGER,
            evidence TEXT
        );
        CREATE TABLE kwtsms_recipients (
            batch INTEGER PRIMARY KEY,
            numbers BLOB NOT NULL,
            lines BLOB NOT NULL
        );
        CREATE TABLE kwtsms_skipped (
            campaign INTEGER NOT NULL,
            n INTEGER NOT NULL,
            line INTEGER NOT NULL,
            input TEXT NOT NULL,
            repeated INTEGER NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (campaign, n)
        ) WITHOUT ROWID;
        CREATE TABLE kwtsms_request (
            batch INTEGER NOT NULL,
            fence INTEGER NOT NULL,
            state INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            worker INTEGER NOT NULL,
            sent_at INTEGER NOT NULL,
            ended_at INTEGER NOT NULL,
            code TEXT,
            message_id TEXT,
            points INTEGER,
            balance INTEGER,
            PRIMARY KEY (batch, fence, state)
        ) WITHOUT ROWID;
        CREATE TABLE kwtsms_worker (
            id INTEGER PRIMARY KEY,
            account TEXT NOT NULL,
            place TEXT NOT NULL,
            seen_at INTEGER NOT NULL,
            waits TEXT
        );
        CREATE TABLE kwtsms_granted (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
        INSERT INTO kwtsms_granted VALUES (1, 0);
        CREATE INDEX kwtsms_batch_planned ON kwtsms_batch (campaign, not_before, id) WHERE state = 0;
        CREATE INDEX kwtsms_batch_sending ON kwtsms_batch (expires_at) WHERE state = 1;
        CREATE INDEX kwtsms_batch_unknown ON kwtsms_batch (campaign, id) WHERE state = 4;
        CREATE INDEX kwtsms_batch_claim ON kwtsms_batch (claim) WHERE state = 1;
        CREATE INDEX kwtsms_batch_counts ON kwtsms_batch (campaign, state, size, points);
    ",
        "
        ALTER TABLE kwtsms_granted ADD COLUMN store INTEGER NOT NULL DEFAULT 0;
        UPDATE kwtsms_granted SET store = random() & 9223372036854775807;
    ",
    ],
    postgres: &[
        "
        CREATE TABLE kwtsms_campaign (
            id BIGINT PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            account TEXT,
            sender TEXT,
            test BIGINT NOT NULL,
            state BIGINT NOT NULL,
            reason TEXT,
            priority BIGINT NOT NULL,
            hours TEXT,
            zone TEXT,
            open_from BIGINT NOT NULL,
            open_until BIGINT NOT NULL,
            not_before BIGINT,
            not_after BIGINT,
            loader BIGINT NOT NULL,
            settings TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            approved_at BIGINT
        );
        CREATE TABLE kwtsms_text (
            campaign BIGINT NOT NULL,
            n BIGINT NOT NULL,
            body TEXT NOT NULL,
            pages BIGINT NOT NULL,
            PRIMARY KEY (campaign, n)
        );
        CREATE TABLE kwtsms_batch (
            id BIGINT PRIMARY KEY,
            campaign BIGINT NOT NULL,
            body BIGINT NOT NULL,
            pages BIGINT NOT NULL,
            size BIGINT NOT NULL,
            state BIGINT NOT NULL DEFAULT 0,
            not_before BIGINT NOT NULL DEFAULT 0,
            attempt BIGINT NOT NULL DEFAULT 0,
            fence BIGINT NOT NULL DEFAULT 0,
            claim BIGINT,
            worker BIGINT,
            sent_at BIGINT,
            expires_at BIGINT,
            message_id TEXT,
            code TEXT,
            reason TEXT,
            points BIGINT,
            balance BIGINT,
            evidence TEXT
        ) WITH (fillfactor = 70);
        CREATE TABLE kwtsms_recipients (
            batch BIGINT PRIMARY KEY,
            numbers BYTEA NOT NULL,
            lines BYTEA NOT NULL
        );
        ALTER TABLE kwtsms_recipients ALTER numbers SET STORAGE EXTERNAL, ALTER lines SET STORAGE EXTERNAL;
        CREATE TABLE kwtsms_skipped (
            campaign BIGINT NOT NULL,
            n BIGINT NOT NULL,
            line BIGINT NOT NULL,
            input TEXT NOT NULL,
            repeated BIGINT NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (campaign, n)
        );
        CREATE TABLE kwtsms_request (
            batch BIGINT NOT NULL,
            fence BIGINT NOT NULL,
            state BIGINT NOT NULL,
            attempt BIGINT NOT NULL,
            worker BIGINT NOT NULL,
            sent_at BIGINT NOT NULL,
            ended_at BIGINT NOT NULL,
            code TEXT,
            message_id TEXT,
            points BIGINT,
            balance BIGINT,
            PRIMARY KEY (batch, fence, state)
        );
        CREATE TABLE kwtsms_worker (
            id BIGINT PRIMARY KEY,
            account TEXT NOT NULL,
            place TEXT NOT NULL,
            seen_at BIGINT NOT NULL,
            waits TEXT
        );
        CREATE TABLE kwtsms_granted (id BIGINT PRIMARY KEY, n BIGINT NOT NULL) WITH (fillfactor = 10);
        INSERT INTO kwtsms_granted VALUES (1, 0);
        CREATE INDEX kwtsms_batch_planned ON kwtsms_batch (campaign, not_before, id) WHERE state = 0;
        CREATE INDEX kwtsms_batch_sending ON kwtsms_batch (expires_at) WHERE state = 1;
        CREATE INDEX kwtsms_batch_unknown ON kwtsms_batch (campaign, id) WHERE state = 4;
        CREATE INDEX kwtsms_batch_claim ON kwtsms_batch (claim) WHERE state = 1;
        CREATE INDEX kwtsms_batch_counts ON kwtsms_batch (campaign, state) INCLUDE (size, points);
    ",
        "
        ALTER TABLE kwtsms_granted ADD COLUMN store BIGINT NOT NULL DEFAULT 0;
        UPDATE kwtsms_granted SET store = CAST(random() * 9000000000000000000 AS BIGINT);
    ",
    ],
};
