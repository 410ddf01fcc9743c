//! The application's keys, and all that is computed under them.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::hmac;

use super::random::random;
use crate::config::{self, Environment};
use crate::error::Error;
use crate::secret::Secret;

/// The shortest key, in bytes: as long as the digest, as RFC 2104 (section 3) asks.
pub(super) const LEAST_KEY: usize = 32;
/// What a random key of 32 hexadecimal or other characters always exceeds, and `aaaa…` does not.
const LEAST_DIFFERENT: usize = 8;

/// An HMAC-SHA-256.
pub(crate) type Mac = [u8; 32];

/// The keys under which codes, challenges, numbers and addresses are hidden in the store.
///
/// A key is any text of at least 32 bytes that nobody can guess, such as what `openssl rand -hex 32` prints. Whoever
/// has the database and not the key can read no code and no number; whoever has both can try all codes of a challenge.
///
/// # Rotation
///
/// New codes are made under the current key; codes under an old one are accepted as long as it is named. Two steps
/// lose no code: first every replica accepts the new key (`old,new`), then every replica uses it (`new,old`). After two
/// hours, the longest life of a challenge, the old one may go. Counts in the store lie under the key they were begun with:
/// with a new current key all limits, the budget among them, begin anew once.
///
/// `Debug` shows how many keys there are and their ids, which say nothing about the keys.
///
/// ```
/// use kwtsms_async::otp::OtpKeys;
///
/// let keys = OtpKeys::new("4bf0c1a2e1f4d3b7a6958473625140ff0e1d2c3b4a5968778695a4b3c2d1e0f9");
/// # let _ = keys;
/// ```
#[derive(Clone)]
pub struct OtpKeys(Vec<Secret>);

impl OtpKeys {
    /// The current key. It is checked when the service is built.
    pub fn new(current: impl Into<Secret>) -> Self {
        Self(vec![current.into()])
    }

    /// Accepts codes that were made under this key, too.
    pub fn accept(mut self, old: impl Into<Secret>) -> Self {
        self.0.push(old.into());
        self
    }

    /// Reads `KWTSMS_OTP_KEY` from the process environment, completed from `.env`: the current key, then old ones that
    /// are still accepted, separated by commas.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, if it is not set, `.env` cannot be read, or a `.env` holds it that does not hold the credentials
    /// ([`Environment::confirmed`]).
    pub fn from_env() -> Result<Self, Error> {
        Self::from_environment(&Environment::from_env()?)
    }

    /// Takes the keys from values that were read before.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, if there are none, or as for [`Environment::confirmed`].
    pub fn from_environment(env: &Environment) -> Result<Self, Error> {
        let Some(keys) = env.confirmed(config::OTP_KEY)? else {
            return Err(Error::config(format!(
                "{} not set: set it to a random text of at least {LEAST_KEY} characters, such as `openssl rand -hex 32` \
                 prints, in the environment or in {}",
                config::OTP_KEY,
                env.file().display()
            )));
        };
        Ok(Self(keys.split(',').map(|key| Secret::new(key.trim())).collect()))
    }

    /// Makes a key that is forgotten with the process: for tests and examples over a store that is forgotten, too.
    ///
    /// # Panics
    ///
    /// If the operating system gives no random bytes.
    pub fn random() -> Self {
        let key: [u8; LEAST_KEY] = random().expect("the operating system gives random bytes");
        Self::new(HEXLOWER.encode(&key))
    }

    /// Checks the keys; all of them lie under a namespace, so that services with the same key do not meet.
    pub(super) fn check(&self, namespace: &str) -> Result<Ring, Error> {
        let mut keys: Vec<Key> = Vec::new();
        for (place, secret) in self.0.iter().enumerate() {
            let bytes = secret.expose().as_bytes();
            let which = if place == 0 { "the current key" } else { "an old key" };
            if bytes.len() < LEAST_KEY {
                return Err(Error::config(format!(
                    "{which} of one-time codes has {} of at least {LEAST_KEY} bytes: use a random one, such as \
                     `openssl rand -hex 32` prints",
                    bytes.len()
                )));
            }
            let different = bytes.iter().collect::<std::collections::HashSet<_>>().len();
            if different < LEAST_DIFFERENT {
                return Err(Error::config(format!(
                    "{which} of one-time codes is not random: use one such as `openssl rand -hex 32` prints"
                )));
            }
            let key = Key::new(bytes, namespace);
            if keys.iter().any(|other| other.id == key.id) {
                return Err(Error::config(format!("{which} of one-time codes is named twice: name it once")));
            }
            keys.push(key);
        }
        Ok(Ring(keys))
    }
}

impl fmt::Debug for OtpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpKeys").field("keys", &self.0.len()).finish()
    }
}

/// The checked keys, the current one first; never empty.
pub(super) struct Ring(Vec<Key>);

impl Ring {
    pub(super) fn current(&self) -> &Key {
        &self.0[0]
    }

    /// The key that a challenge was made under.
    pub(super) fn by_id(&self, id: KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| HEXLOWER.encode(&key.id))).finish()
    }
}

/// Tells keys apart and says nothing about them.
pub(super) type KeyId = [u8; 4];

/// What an HMAC is for; a separate one could stand in no other's place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// The id of the key itself.
    KeyId,
    /// A code.
    Code,
    /// A code that is derived, so that it can be sent again.
    DerivedCode,
    /// What a challenge is bound to.
    Context,
    /// A key of a counter in the store.
    Counter,
    /// The key that one challenge is sealed with.
    Seal,
}

impl Use {
    fn label(self) -> &'static [u8] {
        match self {
            Self::KeyId => b"kwtsms otp key id",
            Self::Code => b"kwtsms otp code",
            Self::DerivedCode => b"kwtsms otp derived code",
            Self::Context => b"kwtsms otp context",
            Self::Counter => b"kwtsms otp counter",
            Self::Seal => b"kwtsms otp seal",
        }
    }
}

/// One key under one namespace.
pub(super) struct Key {
    pub(super) id: KeyId,
    hmac: hmac::Key,
    namespace: String,
}

impl Key {
    fn new(bytes: &[u8], namespace: &str) -> Self {
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let mut key = Self { id: KeyId::default(), hmac, namespace: namespace.to_owned() };
        // Without the namespace: the id names the key and nothing else.
        let mac = key.sign(&[Use::KeyId.label()]);
        key.id.copy_from_slice(&mac[..4]);
        key
    }

    /// The HMAC over the fields, each with its length in front, so that no two lists of fields are one text.
    pub(super) fn mac(&self, purpose: Use, fields: &[&[u8]]) -> Mac {
        let mut all: Vec<&[u8]> = Vec::with_capacity(fields.len() + 2);
        all.extend([purpose.label(), self.namespace.as_bytes()]);
        all.extend(fields);
        self.sign(&all)
    }

    fn sign(&self, fields: &[&[u8]]) -> Mac {
        let mut context = hmac::Context::with_key(&self.hmac);
        for field in fields {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field);
        }
        let mut mac = Mac::default();
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "4bf0c1a2e1f4d3b7a6958473625140ff0e1d2c3b4a5968778695a4b3c2d1e0f9";

    fn ring(keys: &OtpKeys) -> Ring {
        keys.check("test").unwrap()
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused_with_what_to_do() {
        for (key, said) in
            [("", "has 0 of at least 32"), (&GOOD[..31], "has 31 of"), (&"ab".repeat(20), "not random")]
        {
            let error = OtpKeys::new(key).check("test").unwrap_err();
            assert!(error.to_string().contains(said) && error.to_string().contains("openssl"), "{error}");
            assert!(OtpKeys::new(GOOD).accept(key).check("test").is_err(), "an old key, too");
        }
        assert!(OtpKeys::new(&GOOD[..32]).check("test").is_ok());
        let twice = OtpKeys::new(GOOD).accept(GOOD).check("test").unwrap_err();
        assert!(twice.to_string().contains("named twice"), "{twice}");
    }

    #[test]
    fn fields_that_run_together_in_the_same_text_give_different_macs() {
        let ring = ring(&OtpKeys::new(GOOD));
        let mac = |fields: &[&[u8]]| ring.current().mac(Use::Code, fields);
        let all = [
            mac(&[b"ab", b"c"]),
            mac(&[b"a", b"bc"]),
            mac(&[b"abc"]),
            mac(&[b"abc", b""]),
            mac(&[b"", b"abc"]),
            ring.current().mac(Use::Context, &[b"abc"]),
            OtpKeys::new(GOOD).check("other").unwrap().current().mac(Use::Code, &[b"abc"]),
            OtpKeys::random().check("test").unwrap().current().mac(Use::Code, &[b"abc"]),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn the_mac_is_hmac_sha_256_over_length_prefixed_fields() {
        // Python: hmac.new(key, b"".join(len(f).to_bytes(8, "big") + f for f in fields), "sha256")
        let mac = ring(&OtpKeys::new(GOOD)).current().mac(Use::Code, &[b"login", b"123456"]);
        assert_eq!(HEXLOWER.encode(&mac), EXPECTED);
    }

    const EXPECTED: &str = "c9a0079ea511db390586c54ff03d03d433865050fcc78f63ba3062072d0fa7f1";

    #[test]
    fn keys_are_found_by_their_ids_whatever_the_namespace() {
        let keys = OtpKeys::new(GOOD).accept("another key of at least 32 bytes, 0123456789");
        let here = keys.check("test").unwrap();
        let there = keys.check("other").unwrap();
        assert_eq!(here.current().id, there.current().id);
        let old = here.0[1].id;
        assert_ne!(old, here.current().id);
        assert!(here.by_id(old).is_some() && here.by_id([0; 4]).is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = OtpKeys::new(GOOD);
        assert_eq!(format!("{keys:?}"), "OtpKeys { keys: 1 }");
        assert!(!format!("{:?}", ring(&keys)).contains(&GOOD[..8]));
    }
}
