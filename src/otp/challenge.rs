//! A challenge as the browser holds it: sealed, so that nobody reads or changes what is in it.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};

use super::caller::Lane;
use super::keys::{Key, KeyId, Ring, Use};
use super::random::{NoRandom, random};
use super::text::Language;
use crate::phone::PhoneNumber;

/// The id of a challenge: 128 random bits.
pub(crate) type Id = [u8; 16];

/// A form longer than this is no challenge; the longest has 102 characters.
const LONGEST: usize = 128;

/// One attempt of one person to prove one number for one purpose, as the browser holds it.
///
/// Hand it to the page with the reply (a hidden field, the session, a JSON field) and take it back with the code. It is
/// opaque text of about 70 URL-safe characters: an id of 128 random bits, with the number and the purpose sealed under
/// the application's key. Whoever holds it can type codes and ask for another message to the same number, and nothing
/// else; [`Caller::session`](super::Caller::session) ties it to one browser.
///
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(String);

impl Challenge {
    /// The text that the browser holds.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(***)")
    }
}

impl AsRef<str> for Challenge {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Challenge {
    /// Takes what a browser sent; what is no challenge is found out by the call it is given to.
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Challenge {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Challenge {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.into())
    }
}

/// What is sealed in a challenge.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) id: Id,
    pub(super) number: PhoneNumber,
    pub(super) purpose: String,
    pub(super) lane: Lane,
    /// Nothing is ever sent for it, and no code is right.
    pub(super) decoy: bool,
    pub(super) language: Language,
}

const KNOWN: u8 = 1;
const DECOY: u8 = 2;
const ARABIC: u8 = 4;

impl Ticket {
    pub(super) fn new(
        number: PhoneNumber,
        purpose: &str,
        lane: Lane,
        decoy: bool,
        language: Language,
    ) -> Result<Self, NoRandom> {
        Ok(Self { id: random()?, number, purpose: purpose.to_owned(), lane, decoy, language })
    }

    /// key id ‖ id ‖ sealed (number ‖ flags ‖ purpose) ‖ tag
    pub(super) fn seal(&self, key: &Key) -> Challenge {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.lane == Lane::Known, KNOWN)
            | flag(self.decoy, DECOY)
            | flag(self.language == Language::Arabic, ARABIC);
        let mut open = self.number.as_u64().to_be_bytes().to_vec();
        open.push(flags);
        open.extend(self.purpose.as_bytes());
        let seal = seal(key, &self.id);
        // It fails for texts of gigabytes only.
        let tag = seal.seal_in_place_separate_tag(nonce(), Aad::from(key.id), &mut open);
        let mut all = [&key.id[..], &self.id, &open].concat();
        all.extend(tag.iter().flat_map(|tag| tag.as_ref()));
        Challenge(BASE64URL_NOPAD.encode(&all))
    }

    /// Gives the ticket and the key that it was made under; `None` for whatever this service has not made.
    pub(super) fn open<'a>(text: &str, ring: &'a Ring) -> Option<(Self, &'a Key)> {
        if text.len() > LONGEST {
            return None;
        }
        let mut all = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (head, sealed) = all.split_at_mut_checked(20)?;
        let key_id: KeyId = head[..4].try_into().ok()?;
        let id: Id = head[4..].try_into().ok()?;
        let key = ring.by_id(key_id)?;
        let open = seal(key, &id).open_in_place(nonce(), Aad::from(key_id), sealed).ok()?;
        let (number, rest) = open.split_at_checked(8)?;
        let number = PhoneNumber::read_back(u64::from_be_bytes(number.try_into().ok()?))?;
        let (&flags, purpose) = rest.split_first()?;
        let ticket = Self {
            id,
            number,
            purpose: String::from_utf8(purpose.to_vec()).ok()?,
            lane: if flags & KNOWN != 0 { Lane::Known } else { Lane::Stranger },
            decoy: flags & DECOY != 0,
            language: if flags & ARABIC != 0 { Language::Arabic } else { Language::English },
        };
        Some((ticket, key))
    }
}

/// Every id has a key of its own, which seals one ticket; so the nonce need not differ.
fn seal(key: &Key, id: &Id) -> LessSafeKey {
    let mac = key.mac(Use::Seal, &[id]);
    // A digest has the length of the cipher's key.
    #[allow(clippy::expect_used)]
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &mac).expect("32 bytes are a key"))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::super::keys::OtpKeys;
    use super::*;

    fn ticket() -> Ticket {
        let number = PhoneNumber::parse("96598765432").unwrap();
        Ticket::new(number, "login", Lane::Known, true, Language::Arabic).unwrap()
    }

    #[test]
    fn a_challenge_is_opened_by_the_service_that_made_it_and_by_nobody_else() {
        let keys = OtpKeys::random();
        let ring = keys.check("test").unwrap();
        let challenge = ticket().seal(ring.current());
        let challenge_again = ticket().seal(ring.current());
        assert_ne!(challenge, challenge_again, "an id of its own");
        let (opened, key) = Ticket::open(challenge.as_str(), &ring).unwrap();
        assert!(opened.seal(key) == challenge && opened.number == ticket().number && opened.decoy);
        assert!(Ticket::open(challenge.as_str(), &OtpKeys::random().check("test").unwrap()).is_none());
        assert!(Ticket::open(challenge.as_str(), &keys.check("other").unwrap()).is_none());
        // After a rotation it is still opened, and its codes are still made under its own key.
        let old = "an old key of at least 32 bytes, 0123456789";
        let challenge = ticket().seal(OtpKeys::new(old).check("test").unwrap().current());
        let rotated = OtpKeys::random().accept(old).check("test").unwrap();
        let (_, key) = Ticket::open(challenge.as_str(), &rotated).unwrap();
        assert_ne!(key.id, rotated.current().id);
    }

    #[test]
    fn a_challenge_with_any_bit_changed_is_none() {
        let ring = OtpKeys::random().check("test").unwrap();
        let challenge = ticket().seal(ring.current());
        let bytes = BASE64URL_NOPAD.decode(challenge.as_str().as_bytes()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Ticket::open(&BASE64URL_NOPAD.encode(&changed), &ring).is_none(), "bit {bit}");
        }
        for end in 0..challenge.as_str().len() {
            assert!(Ticket::open(&challenge.as_str()[..end], &ring).is_none(), "cut at {end}");
        }
        for text in ["", " ", "ü", "../../etc/passwd", &"A".repeat(1_000_000), &format!("{challenge}=")] {
            assert!(Ticket::open(text, &ring).is_none());
        }
    }

    #[test]
    fn the_browser_reads_neither_number_nor_purpose_nor_whether_it_is_a_decoy() {
        let ring = OtpKeys::random().check("test").unwrap();
        let mut real = ticket();
        real.decoy = false;
        let (decoy, real) = (ticket().seal(ring.current()), real.seal(ring.current()));
        assert_eq!(decoy.as_str().len(), real.as_str().len());
        let bytes = BASE64URL_NOPAD.decode(real.as_str().as_bytes()).unwrap();
        let number = 96_598_765_432u64.to_be_bytes();
        for secret in [&b"login"[..], &number[3..], b"96598765432"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
        assert_eq!(format!("{real:?}"), "Challenge(***)");
    }

    #[test]
    fn the_longest_purpose_still_fits() {
        let ring = OtpKeys::random().check("test").unwrap();
        let ticket = Ticket { purpose: "p".repeat(super::super::caller::LONGEST_PURPOSE), ..ticket() };
        let challenge = ticket.seal(ring.current());
        assert!(challenge.as_str().len() <= LONGEST, "{}", challenge.as_str().len());
        assert!(Ticket::open(challenge.as_str(), &ring).is_some());
    }
}
