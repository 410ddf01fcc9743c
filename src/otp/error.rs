//! Why no code was sent, and why a typed one was not taken.

use std::fmt;
use std::time::Duration;

use super::limits::Scope;
use super::store::StoreError;
use crate::code::UserMessage;
use crate::error::Error;
use crate::phone::PhoneError;

/// Why no code was sent. Nothing was charged; a code that was sent before stays valid.
///
/// Neither `Display` nor `Debug` shows a code or a full number. What a page may show is
/// [`user_message`](Self::user_message).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StartError {
    /// The number is none, or none that a message is sent to.
    Number(PhoneError),
    /// The number belongs to a country that the service was not built for.
    Country,
    /// The number got a message a moment ago; another one may be asked for after this time.
    TooSoon(Duration),
    /// A limit was reached.
    Limited {
        /// Which one.
        scope: Scope,
        /// When its window ends.
        retry_after: Duration,
    },
    /// Without a passed CAPTCHA ([`Caller::human`](super::Caller::human)) no more is sent.
    NeedsHuman,
    /// The budget is used up; the operator's event says for how long.
    Budget,
    /// The challenge takes no other code: it is used, spent, over an hour old, or none of this service. Start anew.
    Ended,
    /// The message was not sent: [`Error::delivery`] is `NotSent` or `Refused`. The limits were given back, as far as
    /// the failure was not the number's.
    Failed(Error),
    /// The store did not answer, so nothing was sent.
    Store(StoreError),
}

impl StartError {
    /// A sentence that is safe to show to an end user, in English and Arabic.
    pub fn user_message(&self) -> UserMessage {
        match self {
            Self::Number(_) => UserMessage::InvalidNumber,
            Self::Country => UserMessage::NotServed,
            Self::TooSoon(_) => UserMessage::PleaseWait,
            Self::Limited { scope: Scope::Country | Scope::Breaker, .. } | Self::Budget | Self::Store(_) => {
                UserMessage::Unavailable
            }
            Self::Limited { .. } => UserMessage::TooManyRequests,
            Self::NeedsHuman => UserMessage::ProveHuman,
            Self::Ended => UserMessage::StartAgain,
            // The text is the service's own: whoever reads this cannot change it.
            Self::Failed(error) => match error.user_message() {
                UserMessage::EmptyText | UserMessage::TextTooLong | UserMessage::TextRefused => {
                    UserMessage::Unavailable
                }
                message => message,
            },
        }
    }

    /// How long to wait before asking again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooSoon(after) | Self::Limited { retry_after: after, .. } => Some(*after),
            Self::Failed(error) => error.retry_after(),
            _ => None,
        }
    }

    /// The HTTP status that a web handler should answer with.
    ///
    /// 400 for a number that gets no code, 403 where a CAPTCHA is missing, 410 for a challenge that is over, 429 where
    /// the number, the address or their neighbours have asked for too much ([`retry_after`](Self::retry_after) belongs
    /// in `Retry-After`), 503 for what is nobody's fault who asks: the budget, a stopped country, the store. A message
    /// that was not sent has the status of [its error](Error::http_status).
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Number(_) | Self::Country => 400,
            Self::NeedsHuman => 403,
            Self::Ended => 410,
            Self::Limited { scope: Scope::Country | Scope::Breaker, .. } | Self::Budget | Self::Store(_) => {
                503
            }
            Self::TooSoon(_) | Self::Limited { .. } => 429,
            Self::Failed(error) => error.http_status(),
        }
    }

    /// Its name, for a front end with sentences of its own.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::Country => "country",
            Self::TooSoon(_) => "too_soon",
            Self::Limited { .. } => "limited",
            Self::NeedsHuman => "needs_human",
            Self::Budget => "budget",
            Self::Ended => "ended",
            Self::Failed(_) => "failed",
            Self::Store(_) => "store",
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(_) => f.write_str("the phone number is not usable"),
            Self::Country => f.write_str("codes are not sent to the country of this number"),
            Self::TooSoon(after) => {
                write!(f, "the number got a message a moment ago; wait {} s", seconds(*after))
            }
            Self::Limited { scope, retry_after } => {
                write!(f, "the limit of the {} is reached; wait {} s", scope.name(), seconds(*retry_after))
            }
            Self::NeedsHuman => f.write_str("a passed captcha is needed before another code is sent"),
            Self::Budget => f.write_str("the budget of codes is used up"),
            Self::Ended => f.write_str("the challenge takes no other code; start a new one"),
            Self::Failed(_) => f.write_str("the code was not sent"),
            Self::Store(_) => f.write_str("the store of codes did not answer, so no code was sent"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Number(error) => Some(error),
            Self::Failed(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a typed code proved nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is not the code. It cost an attempt.
    Wrong {
        /// Attempts that are left.
        left: u32,
    },
    /// It has more or fewer digits than a code, or letters in it. It cost no attempt.
    Malformed,
    /// It is the code of an earlier message. It cost an attempt.
    Superseded {
        /// Attempts that are left.
        left: u32,
    },
    /// All attempts were used; another message does not give new ones.
    Spent,
    /// The code is no longer valid.
    Expired,
    /// The code was verified already, here or on another replica.
    Used,
    /// There is no such challenge for this purpose and session.
    NotFound,
    /// The number has failed too often, over all its challenges. Nothing was compared; the time says when it may be
    /// tried again.
    Limited(Duration),
    /// The store did not answer. Whether the attempt was counted, and a right code used up, nobody knows.
    Store(StoreError),
}

impl VerifyError {
    /// A sentence that is safe to show to an end user, in English and Arabic.
    pub fn user_message(&self) -> UserMessage {
        match self {
            Self::Wrong { left: 0 } | Self::Superseded { left: 0 } | Self::Spent => UserMessage::TooManyTries,
            Self::Wrong { .. } => UserMessage::WrongCode,
            Self::Malformed => UserMessage::MalformedCode,
            Self::Superseded { .. } => UserMessage::OldCode,
            Self::Expired => UserMessage::CodeExpired,
            Self::Used | Self::NotFound => UserMessage::StartAgain,
            Self::Limited(_) => UserMessage::TooManyRequests,
            Self::Store(_) => UserMessage::Busy,
        }
    }

    /// Attempts that are left, where the failure says.
    pub fn attempts_left(&self) -> Option<u32> {
        match self {
            Self::Wrong { left } | Self::Superseded { left } => Some(*left),
            Self::Spent => Some(0),
            _ => None,
        }
    }

    /// How long to wait before typing again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited(after) => Some(*after),
            _ => None,
        }
    }

    /// The HTTP status that a web handler should answer with.
    ///
    /// 400 for a code that is not the one, 404 for a challenge that there is not, 410 for one that is over (spent, used,
    /// expired), 429 where the number has failed too often, 503 where the store does not answer.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Wrong { .. } | Self::Malformed | Self::Superseded { .. } => 400,
            Self::NotFound => 404,
            Self::Spent | Self::Expired | Self::Used => 410,
            Self::Limited(_) => 429,
            Self::Store(_) => 503,
        }
    }

    /// Its name, in events and metrics and for a front end with sentences of its own.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Wrong { .. } => "wrong",
            Self::Malformed => "malformed",
            Self::Superseded { .. } => "superseded",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::NotFound => "not_found",
            Self::Limited(_) => "limited",
            Self::Store(_) => "store",
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong { left } => write!(f, "the code is wrong; attempts left: {left}"),
            Self::Malformed => f.write_str(
                "this is no code: it has letters in it, or too many or too few digits; no attempt was counted",
            ),
            Self::Superseded { left } => {
                write!(f, "the code is that of an earlier message; attempts left: {left}")
            }
            Self::Spent => f.write_str("all attempts of the challenge are used"),
            Self::Expired => f.write_str("the code is no longer valid"),
            Self::Used => f.write_str("the code was used already"),
            Self::NotFound => f.write_str("there is no such challenge for this purpose and session"),
            Self::Limited(after) => write!(f, "the number has failed too often; wait {} s", seconds(*after)),
            Self::Store(_) => f.write_str("the store of codes did not answer"),
        }
    }
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Whole seconds, rounded up: whoever waits so long has waited long enough.
pub(super) fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
