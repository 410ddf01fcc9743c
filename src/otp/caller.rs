//! Who asks, and what for.

use std::fmt;
use std::net::IpAddr;

/// The longest name of a purpose, in bytes.
pub(super) const LONGEST_PURPOSE: usize = 32;

/// What a number is proved for: a constant of the application.
///
/// A code for one purpose is worth nothing for another, so that nobody who is talked into typing a code for a login
/// has changed a password with it.
///
/// ```
/// use kwtsms_async::otp::Purpose;
///
/// const CHANGE_NUMBER: Purpose = Purpose::new("change-number");
/// assert_ne!(CHANGE_NUMBER, Purpose::LOGIN);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Purpose(&'static str);

impl Purpose {
    /// To log in.
    pub const LOGIN: Self = Self::new("login");
    /// To make an account.
    pub const SIGN_UP: Self = Self::new("sign-up");
    /// To set a new password.
    pub const RESET_PASSWORD: Self = Self::new("reset-password");

    /// Names a purpose: 1 to 32 of the characters `a`–`z`, `0`–`9`, `-` and `_`.
    ///
    /// # Panics
    ///
    /// If the name has others, none, or more; as a constant it does not compile.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= LONGEST_PURPOSE, "a purpose has 1 to 32 characters");
        let mut i = 0;
        while i < bytes.len() {
            assert!(
                matches!(bytes[i], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'),
                "a purpose is written with a-z, 0-9, - and _"
            );
            i += 1;
        }
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Purpose({})", self.0)
    }
}

/// Which counters of its number a challenge uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Stranger,
    /// A device that verified before.
    Known,
}

/// Who asks: what the application knows of the other side of a request.
///
/// `Debug` shows neither the address nor the session.
///
/// ```
/// use kwtsms_async::otp::Caller;
/// # let (peer, session_id, captcha_passed) = (std::net::IpAddr::from([203, 0, 113, 7]), "b8c1", true);
///
/// let caller = Caller::at(peer).session(session_id).human(captcha_passed);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    pub(super) address: Option<IpAddr>,
    pub(super) session: Option<String>,
    pub(super) known: bool,
    pub(super) human: bool,
}

impl Caller {
    /// A caller at a network address, which is the application's to find.
    ///
    /// Behind a proxy the connection's own address is the proxy's, and `X-Forwarded-For` may be written by anybody:
    /// take the address that your own proxy put there. IPv6 addresses are counted by their first 64 bits.
    pub fn at(address: impl Into<IpAddr>) -> Self {
        Self { address: Some(address.into()), session: None, known: false, human: false }
    }

    /// A caller without an address: refused unless the service was built
    /// [`without_addresses`](super::OtpBuilder::without_addresses).
    pub fn without_address() -> Self {
        Self { address: None, session: None, known: false, human: false }
    }

    /// Ties the challenge to a browser's session: codes typed in another are worth nothing.
    ///
    /// Give the same text to `start`, `resend` and `verify`: a random session id, or a value derived from one.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Says that this device has proved **this number** before, as a signed cookie of the application can tell.
    ///
    /// Known devices have counters of the number to themselves, so that a stranger who uses up what a number may
    /// ask for does not lock its owner out.
    pub fn known(mut self, known: bool) -> Self {
        self.known = known;
        self
    }

    /// Says that a CAPTCHA, or what the application has in its place, was passed for this request.
    pub fn human(mut self, human: bool) -> Self {
        self.human = human;
        self
    }

    pub(super) fn lane(&self) -> Lane {
        if self.known { Lane::Known } else { Lane::Stranger }
    }

    /// What counts as one address: IPv4 whole, also where it is written as IPv6, and the network of IPv6.
    pub(super) fn counted_address(&self) -> Option<Vec<u8>> {
        self.address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets()[..8].to_vec(),
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("address", &self.address.is_some())
            .field("session", &self.session.is_some())
            .field("known", &self.known)
            .field("human", &self.human)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(address: &str) -> Vec<u8> {
        Caller::at(address.parse::<IpAddr>().unwrap()).counted_address().unwrap()
    }

    #[test]
    fn an_address_is_counted_once_however_it_is_written() {
        assert_eq!(counted("203.0.113.7"), counted("::ffff:203.0.113.7"));
        assert_ne!(counted("203.0.113.7"), counted("203.0.113.8"));
        assert_eq!(counted("2001:db8:0:1::1"), counted("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(counted("2001:db8:0:1::1"), counted("2001:db8:0:2::1"));
    }

    #[test]
    #[should_panic(expected = "1 to 32 characters")]
    fn a_purpose_without_a_name_is_refused() {
        let _ = Purpose::new("");
    }

    #[test]
    #[should_panic(expected = "a-z")]
    fn a_purpose_in_capitals_is_refused() {
        let _ = Purpose::new("LOGIN");
    }

    #[test]
    fn debug_shows_neither_address_nor_session() {
        let caller = Caller::at([203, 0, 113, 7]).session("geheim").known(true);
        let shown = format!("{caller:?}");
        assert!(
            !shown.contains("203") && !shown.contains("geheim") && shown.contains("known: true"),
            "{shown}"
        );
    }
}
