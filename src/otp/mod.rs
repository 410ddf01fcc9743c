//! One-time codes: a person proves that they hold a number.
//!
//! [`Otp`] draws a code, sends it, counts the guesses and says once that the right one was typed. It holds to what the
//! published examples forget: codes are nowhere readable, an attempt is counted, compared and used up in one step of
//! the store, a new code buys no guesses, a message of unknown outcome locks nobody out and is never sent twice, and a
//! budget in credits bounds what an attacker can cost. `docs/otp.md` is the guide.
//!
//! ```
//! # #[cfg(feature = "sandbox")] {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use kwtsms_async::otp::{Budget, Caller, Otp, OtpKeys, OtpStore, Purpose};
//! use kwtsms_async::{Client, sandbox::Sandbox};
//!
//! let sandbox = Sandbox::in_process(); // a whole gateway; `Client::from_env()` goes to the real one
//! let client = Client::builder("user", "pass").sender_id("KWT-TEST").transport(sandbox.transport()).build()?;
//! let otp = Otp::builder(client, OtpStore::memory(), OtpKeys::random()) // elsewhere `OtpKeys::from_env()?`
//!     .app_name("MYAPP")
//!     .origin("example.com")
//!     .budget(Budget::credits(200).per_hour().and_credits(1_000).per_day())
//!     .build()?;
//!
//! let caller = Caller::at([203, 0, 113, 7]).session("session id");
//! let started = otp.start("+965 9876 5432", Purpose::LOGIN, &caller).await?;
//! // The page keeps `started.challenge`; the person types what is on the phone.
//! let typed = sandbox.otp("96598765432").unwrap();
//! let verified = otp.verify(&started.challenge, Purpose::LOGIN, &typed, &caller).await?;
//! assert_eq!(verified.number().to_string(), "96598765432");
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap(); }
//! ```

mod builder;
mod call;
mod caller;
mod challenge;
mod code;
mod engine;
mod error;
pub mod events;
mod keys;
mod limits;
mod random;
mod reply;
mod service;
mod store;
mod text;

pub use builder::{OnResend, OtpBuilder};
pub use call::StartCall;
pub use caller::{Caller, Purpose};
pub use challenge::Challenge;
pub use error::{StartError, VerifyError};
pub use keys::OtpKeys;
pub use limits::{Breaker, Budget, BudgetAmount, HumanCheck, Scope};
pub use reply::{CodeDelivery, Started, Verified};
pub use service::{Otp, Sweeper};
pub use store::{OtpStore, StoreError};
pub use text::Language;
