//! Async, Tokio-native SDK for kwtSMS, the Kuwaiti SMS gateway.
//!
//! ```
//! # #[cfg(feature = "sandbox")] {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use kwtsms_async::{Client, Delivery, sandbox::Sandbox};
//!
//! let sandbox = Sandbox::in_process(); // a whole gateway; `Client::from_env()` goes to the real one
//! let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
//!
//! let report = client.send("+965 9876 5432", "Your OTP for MYAPP is: 123456").await?;
//! assert_eq!(report.accepted(), 1);
//!
//! let error = client.send("98765", "Hello").await.unwrap_err();
//! assert_eq!(error.delivery(), Delivery::NotSent); // and no request was made
//! # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
//! ```
//!
//! # Guides
//!
#![cfg_attr(
    doc,
    doc = "[Guides](guides) lead from an empty project to a [login code](guides::login_code), a [campaign](guides::campaign) that"
)]
#![cfg_attr(
    doc,
    doc = "survives `kill -9`, an [order's SMS](guides::order) in the order's own transaction, [replicas](guides::replicas) behind one"
)]
#![cfg_attr(
    doc,
    doc = "address, [tests](guides::testing) without an account, and to [going live](guides::going_live); one begins with the"
)]
#![cfg_attr(doc, doc = "[Python client](guides::from_python).")]
//!
//! # Three questions
//!
//! **What happened to each number?** A [`SendReport`] accounts for every number handed in, also inside an
//! [`Error`]: accepted with its message id, invalid (nothing was sent) with the reason, a duplicate, refused by the gateway
//! with its code, of unknown outcome, or not attempted.
//!
//! **May it be sent again?** [`Error::delivery`] says whether nothing left, the gateway refused, or nobody knows.
//! The SDK itself never sends a message twice.
//!
//! **What did it cost?** [`SendReport::points_charged`], in exact [`Credits`].
//!
//! # Pacing
//!
//! All requests of a client and its clones pass a [`Limiter`] with two lanes, single requests and bulk batches,
//! each 2 starts a second by default, the vendor's recommendation. Over 5 in a second from one address, the
//! gateway's firewall blocks the address. No call holds up another by not being polled: one that is not there when
//! its turn has come is passed over, and keeps its place.
//!
//! # Cancellation
//!
//! Every call is a future that does nothing before it is polled. Dropped while it waits, no request was made and
//! its place is given back. Dropped after its request left, the exchange goes on in its own task until it is
//! answered or times out, so that its event, the cached balance and the memory of recent numbers stay true.

#![cfg_attr(docsrs, feature(doc_cfg))]

/// Serialises types by their names, which are stable.
macro_rules! serialize_by_name {
    ($($named:ty),+) => {$(
        impl serde::Serialize for $named {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+};
}

mod balance;
mod bulk;
mod call;
#[cfg(feature = "campaign")]
mod campaign;
mod client;
pub(crate) mod clock;
mod code;
pub mod config;
mod core;
mod credits;
#[cfg(feature = "diagnose")]
mod diagnose;
mod dispatch;
mod endpoint;
mod engine;
mod error;
pub mod events;
mod exchange;
mod guard;
mod hints;
mod ids;
#[cfg(feature = "jsonl")]
pub mod jsonl;
mod limit;
mod message;
#[cfg(feature = "metrics")]
pub mod metrics;
mod number_set;
#[cfg(feature = "otp")]
pub mod otp;
mod phone;
mod queue_gate;
mod recipients;
mod report;
mod retry;
mod same_number;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod secret;
mod send;
#[cfg(any(feature = "store", feature = "redis"))]
mod store;
mod task;
pub mod transport;
mod wire;

pub use balance::Balance;
pub use bulk::{Bulk, BulkHandle, IntoNumbers, Progress, Waiting};
pub use call::Query;
#[cfg(feature = "campaign")]
pub use campaign::{
    Campaign, CampaignBuilder, CampaignHistory, CampaignMoment, CampaignOutcome, CampaignProgress,
    CampaignResult, CampaignRow, CampaignSettings, CampaignState, Draft, Estimate, Evidence, OutboxMessage,
    OutboxOutcome, OutboxStatus, Resolution, UnknownBatch, WaitsFor, Work, Worker,
};
pub use client::{Client, ClientBuilder};
#[cfg(feature = "diagnose")]
pub use diagnose::{Check, CheckStatus, Diagnose, Diagnosis};
pub use endpoint::{
    Coverage, DeliveryReport, DeliveryUpdate, Listed, MessageStatus, Validation, WatchDelivery,
};
pub use error::{Delivery, Error, ErrorKind};
pub use guard::SpendLimit;
pub use limit::{CEILING, DEFAULT_MAX_WAITING, DEFAULT_RATE, Limiter, Rates};
#[cfg(any(feature = "store", feature = "redis"))]
pub use limit::{PaceProcess, PaceScope, PaceStatus};
pub use recipients::{Recipient, Recipients};
pub use report::{Accepted, Account, Batch, Duplicate, Invalid, Outcome, SendReport, Status};
pub use retry::{Retry, RetryReason};
pub use same_number::SameNumberMemory;
pub use secret::Secret;
pub use send::SendCall;
#[cfg(feature = "store")]
pub use store::Store;
pub use wire::{RawReply, Repair};

pub use code::{ApiCode, CodeClass, CodeSource, UserMessage};
pub use credits::{Credits, CreditsError};
pub use ids::{MessageId, MessageIdError, SenderId, SenderIdError};
pub use message::{Change, ChangeKind, Encoding, MessageText, TextError, clean_message};
pub use phone::{
    CountryCheck, GulfCountry, GulfCountryError, NotMobileReason, PhoneError, PhoneNumber, PhoneRules,
    Region, normalize_phone, split_numbers, validate_phone_input,
};

/// From an empty project to something that runs against the sandbox.
///
/// These pages are part of the documentation only. They lie in `docs/guides/`, and their programs are run by the tests.
///
#[cfg(all(doc, not(doctest)))]
#[doc = include_str!("../docs/guides/before.md")]
pub mod guides {
    #[doc = include_str!("../docs/guides/campaign.md")]
    pub mod campaign {}
    #[doc = include_str!("../docs/guides/from-python.md")]
    pub mod from_python {}
    #[doc = include_str!("../docs/guides/going-live.md")]
    pub mod going_live {}
    #[doc = include_str!("../docs/guides/login-code.md")]
    pub mod login_code {}
    #[doc = include_str!("../docs/guides/order.md")]
    pub mod order {}
    #[doc = include_str!("../docs/guides/replicas.md")]
    pub mod replicas {}
    #[doc = include_str!("../docs/guides/testing.md")]
    pub mod testing {}
}

/// The documents' examples, compiled and run against the sandbox.
#[cfg(all(doctest, feature = "sandbox"))]
mod documents {
    #[cfg(feature = "campaign")]
    #[doc = include_str!("../docs/campaigns.md")]
    struct Campaigns;
    #[cfg(feature = "campaign")]
    #[doc = include_str!("../docs/outbox.md")]
    struct Outbox;
    #[cfg(feature = "diagnose")]
    #[doc = include_str!("../docs/doctor.md")]
    struct Doctor;
    #[cfg(feature = "store")]
    #[doc = include_str!("../docs/store.md")]
    struct Store;
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/account.md")]
    struct Account;
    #[doc = include_str!("../docs/sandbox.md")]
    struct Sandbox;
    #[cfg(feature = "otp")]
    #[doc = include_str!("../docs/otp.md")]
    struct Otp;
}
