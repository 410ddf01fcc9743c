//! Async, Tokio-native SDK for kwtSMS, the Kuwaiti SMS gateway.

mod balance;
mod bulk;
mod call;
mod client;
pub(crate) mod clock;
mod code;
pub mod config;
mod credits;
mod endpoint;
mod error;
pub mod events;
mod ids;
mod limit;
mod message;
mod phone;
mod pipeline;
mod recent;
mod recipients;
mod report;
mod retry;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod secret;
mod send;
pub mod transport;
mod wire;

pub use balance::Balance;
pub use bulk::{Bulk, BulkHandle, IntoNumbers, Progress, Waiting};
pub use call::Reading;
pub use client::{Client, ClientBuilder};
pub use endpoint::{Coverage, DeliveryReport, MessageStatus, Validation};
pub use error::{Delivery, Error, ErrorKind};
pub use limit::{CEILING, DEFAULT_MAX_WAITING, DEFAULT_RATE, Limiter};
pub use recipients::{Recipient, Recipients};
pub use report::{Accepted, Account, Batch, Duplicate, Outcome, Rejected, SendReport, Status};
pub use retry::{Retry, RetryReason};
pub use secret::Secret;
pub use send::SendCall;
pub use wire::RawReply;

pub use code::{ApiCode, CodeClass, CodeSource, UserMessage};
pub use credits::{Credits, CreditsError};
pub use ids::{MessageId, MessageIdError, SenderId, SenderIdError};
pub use message::{Change, ChangeKind, Encoding, MessageText, TextError, clean_message};
pub use phone::{CountryCheck, PhoneError, PhoneNumber};
