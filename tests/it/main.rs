//! One binary for all integration tests, one module per concern.

#![allow(clippy::unwrap_used)] // a helper of a test may panic like the test

#[cfg(feature = "sandbox")]
mod accounting;
mod arrivals;
#[cfg(feature = "sandbox")]
mod bad_input;
#[cfg(feature = "sandbox")]
mod bulk;
#[cfg(all(feature = "campaign", feature = "sandbox", unix))]
mod campaign_faults;
#[cfg(all(feature = "campaign", feature = "sandbox"))]
mod campaigns;
#[cfg(feature = "sandbox")]
mod cancellation;
#[cfg(feature = "sandbox")]
mod capture;
mod circles;
#[cfg(all(feature = "sandbox", feature = "diagnose"))]
mod diagnose;
#[cfg(all(feature = "sandbox", feature = "diagnose", feature = "quiet-hours"))]
mod diagnose_guards;
#[cfg(all(feature = "rustls", target_os = "linux"))]
mod door;
#[cfg(feature = "sandbox")]
mod embedding;
#[cfg(feature = "sandbox")]
mod endpoints;
#[cfg(any(feature = "rustls", feature = "native-tls"))] // a client of the real gateway needs TLS
mod environment;
#[cfg(feature = "sandbox")]
mod events;
#[cfg(feature = "sandbox")]
mod extremes;
#[cfg(feature = "sandbox")]
mod gateway;
#[cfg(feature = "sandbox")]
mod guards;
#[cfg(feature = "sandbox")]
mod inbox;
#[cfg(feature = "sandbox")]
mod inbox_api;
#[cfg(feature = "sandbox")]
mod inbox_controls;
#[cfg(feature = "sandbox")]
mod inbox_requests;
#[cfg(all(feature = "sandbox", feature = "jsonl"))]
mod jsonl;
#[cfg(feature = "sandbox")]
mod lateness;
mod layers;
#[cfg(feature = "sandbox")]
mod leaks;
mod message_rules;
mod message_table;
mod messages;
#[cfg(all(feature = "sandbox", feature = "metrics"))]
mod metrics;
mod number_rules;
mod numbers;
#[cfg(all(feature = "otp", feature = "sandbox"))]
mod otp;
#[cfg(feature = "sandbox")]
mod outage;
#[cfg(all(feature = "campaign", feature = "postgres", feature = "sandbox", unix))]
mod outbox_docs;
mod own_transport;
#[path = "../owned.rs"]
mod owned;
#[cfg(feature = "sandbox")]
mod pacing;
mod phone_digits;
mod phones;
mod properties;
#[cfg(feature = "sandbox")]
mod python_client;
mod raw_server;
#[cfg(all(feature = "store", feature = "sandbox", unix))]
mod replicas;
mod replies;
#[cfg(feature = "sandbox")]
mod retries;
#[cfg(feature = "sandbox")]
mod run_ends;
#[cfg(feature = "sandbox")]
mod runtimes;
#[cfg(feature = "sandbox")]
mod same_number;
#[cfg(feature = "sandbox")]
mod sandbox_doors;
#[cfg(feature = "sandbox")]
mod sandbox_faults;
#[cfg(feature = "sandbox")]
mod sandbox_hostile;
#[cfg(all(feature = "otp", feature = "sandbox"))]
mod sentences;
#[cfg(all(feature = "store", feature = "sandbox"))]
mod shared_limiter;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "strict-numbers")]
mod strict_numbers;
mod surface;
#[cfg(all(feature = "rustls", target_os = "linux"))] // elsewhere no file is the trust store
mod tls;
#[cfg(feature = "sandbox")]
mod unpolled;
mod values;
#[cfg(all(feature = "sandbox", feature = "metrics"))]
mod watch;
mod wire;
mod wire_faults;
mod wire_reuse;
