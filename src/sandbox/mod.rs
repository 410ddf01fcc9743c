//! A faithful local kwtSMS gateway, to run, learn and test without an account.
//!
//! One pure model (request and time in, answer out) stands behind two doors: [`SandboxTransport`] in the same
//! process, which keeps to Tokio's paused time, and an HTTP server that any client can post to. The model reads
//! requests by itself and shares nothing with the client of this crate, so that a wrong field name cannot pass on
//! both sides.
//!
//! # What it holds to
//!
//! From the API document v4.1 unless said otherwise:
//!
//! - `POST` to `/API/{balance,senderid,coverage,validate,send,status,dlr}/`, credentials in the body. JSON answers if
//!   `Content-Type` or `Accept` says `application/json`, the plain-text protocol otherwise. `/API/report/` does not
//!   exist: 404, as every unknown path.
//! - Every user name makes an account of its own on first use: any password, 1,000 credits, the sender ids `KWT-SMS`
//!   and `KWT-TEST`, the six countries of the Gulf. Tests with different user names do not see each other.
//! - `send` takes 200 numbers, 2,500 characters of `mobile`, 7 pages (seen live; the document says 6), and charges
//!   pages × good numbers. Bad numbers and duplicates are dropped. A sender id that is not the account's becomes
//!   `KWT-SMS`.
//! - 15 seconds between two messages to a number, or the whole batch gets ERR028 and costs nothing.
//! - A queue of 1,000 numbers an account, which drains at 50 numbers a second; a message that would overfill it gets
//!   ERR013.
//! - Test messages and messages with an emoji are accepted, charged and stuck in the queue (ERR030) until
//!   [`Sandbox::delete_message`] gives the credits back. They do not count toward the 1,000 unless they are told to
//!   ([`SandboxBuilder::stuck_messages_fill_queue`]).
//! - No delivery reports for Kuwait (ERR021); abroad after 5 minutes.
//! - If asked to be ([`SandboxBuilder::firewall`]), a firewall that stops answering an address after more than 5
//!   requests in a second.
//!
//! # The inbox
//!
//! What was accepted, and what was refused and why, is seen by people on a page at [`Sandbox::inbox_url`], by tests in any language through the HTTP
//! API below it (`/api/`, described by `/api/openapi.json`), and by tests in Rust through [`Sandbox::inbox`],
//! [`Sandbox::wait_for`], [`Sandbox::otp`] and [`Sandbox::requests`], which need no server and keep to paused time. The API waits for a
//! message, finds the one-time code in a text, scripts faults and sets accounts up. No password leaves by it.
//!
//! It answers to IP addresses and `localhost`, and to no web page but its own and those of an allowed origin
//! ([`SandboxBuilder::allow_origin`]); nor does the gateway under `/API/`, so that no site that a developer visits can
//! plant a message. Memory is bounded: the newest 10,000 messages and requests ([`SandboxBuilder::history`]), at most
//! 64 MiB of each, 10,000 accounts that requests made and 1,000 that the API made, besides those of
//! [`Sandbox::account`] and [`SandboxBuilder::account`]. Lists and exports are written piece by piece, a request has
//! 30 seconds to arrive ([`SandboxBuilder::request_timeout`]), 32 KiB for its head and 1 MiB for its body.
//!
//! # What is not known of the real gateway
//!
//! Nothing here was tried against it. These are choices, most of them settings of [`SandboxBuilder`]: the HTTP
//! status of each code ([`ErrorStatus`]); the answer to more than 2,500 characters of `mobile`; that good numbers
//! beside bad ones are sent; which of ERR006 and ERR025 comes when; the order of checks; whether the 15 seconds hold in
//! test mode; whether stuck messages fill the queue; whether extension characters of the 7-bit alphabet count two;
//! what counts as an HTML tag or an emoji; the answer to a user name of more than
//! 100 bytes (ERR003 here); status values but "sent"; descriptions but ERR003's; errors in the
//! plain-text protocol; the answer to a body that cannot be read (ERR002 here), to `GET` (405) and to a path
//! without its slash (301). `unix-timestamp` is true epoch time here, though it may be shifted by 3 hours there.
//! Every page of a number costs one credit, as in Kuwait; prices abroad are not public.
//!
//! # Faults
//!
//! [`Fault`]s are scripted, here or over the API, and consumed in order: an error code, a delay, any answer, a connection closed before or
//! after a message was accepted, a truncated or slow body, a refused connection.

mod account_handle;
mod builder;
mod doors;
mod faults_handle;
mod handle;
mod inbox;
mod model;
mod shared;

pub use account_handle::AccountHandle;
pub use builder::{DEFAULT_PORT, SandboxBuilder};
pub use doors::in_process::SandboxTransport;
pub use faults_handle::Faults;
pub use handle::Sandbox;
pub use inbox::Inbox;
pub use model::faults::Fault;
pub use model::message::{Message, MessageState};
pub use model::reply::{CreditStyle, ErrorStatus};
pub use model::request::SeenRequest;
pub use model::rules::Encoding;
