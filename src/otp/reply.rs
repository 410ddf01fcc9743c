//! What the service gives: a code on its way, and the proof that it was typed.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::caller::Purpose;
use super::challenge::Challenge;
use super::error::seconds;
use crate::phone::PhoneNumber;

/// What the gateway said of a code's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CodeDelivery {
    /// The gateway accepted the message. Whether it arrives nobody tells: there are no delivery reports in Kuwait.
    Accepted,
    /// The answer was lost: the message may arrive, and its code is valid if it does. It is not sent again by itself.
    Unknown,
    /// It is being sent, see [`StartCall::in_background`](super::StartCall::in_background).
    Pending,
}

/// A code is on its way. As JSON it has the same names, with times in whole seconds.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Started {
    /// What the page keeps, and gives back with the code.
    pub challenge: Challenge,
    /// What became of the message.
    pub delivery: CodeDelivery,
    /// How long the code is valid.
    #[serde(serialize_with = "as_seconds")]
    pub expires_in: Duration,
    /// When another message may be asked for.
    #[serde(serialize_with = "as_seconds")]
    pub resend_in: Duration,
    /// How many codes may still be typed.
    pub attempts_left: u32,
    /// The pages of the message: always 1.
    pub pages: u32,
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(seconds(*duration))
}

/// The proof that somebody read a code sent to a number. Only [`Otp::verify`](super::Otp::verify) can make one, and only one of a code.
///
/// ```compile_fail
/// # fn number() -> kwtsms_async::PhoneNumber { unimplemented!() }
/// use kwtsms_async::otp::{Purpose, Verified};
/// let forged = Verified { number: number(), purpose: Purpose::LOGIN };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a proof that nobody looks at proves nothing"]
pub struct Verified {
    number: PhoneNumber,
    purpose: Purpose,
}

impl Verified {
    pub(super) fn new(number: PhoneNumber, purpose: Purpose) -> Self {
        Self { number, purpose }
    }

    /// The number that was proved.
    pub fn number(&self) -> PhoneNumber {
        self.number
    }

    /// What it was proved for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}
