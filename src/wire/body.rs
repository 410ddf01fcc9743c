//! Request bodies.

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The user name and password as they stand in every request body, `{"username":…,"password":…`, without the end of
/// the object.
#[derive(Clone)]
pub(crate) struct Credentials(Zeroizing<Vec<u8>>);

const PLAIN: &str = "strings and numbers always serialise";

impl Credentials {
    /// The only place where the password is exposed.
    pub(crate) fn new(username: &str, password: &Secret) -> Self {
        #[derive(Serialize)]
        struct Login<'a> {
            username: &'a str,
            password: &'a str,
        }

        let password = password.expose();
        // The longest escape of a byte is the six of \u0000; 64 hold the names of the fields. A buffer that grows
        // would leave a copy behind.
        let room = 64 + 6 * (username.len() + password.len());
        let mut login = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *login, &Login { username, password }).expect(PLAIN);
        debug_assert!(login.len() <= room, "the buffer grew");
        login.pop();
        Self(login)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// A request body being written: one flat object, credentials first. Its bytes are wiped when the last handle to
/// them goes.
pub(crate) struct RequestBody<'a> {
    login: &'a [u8],
    body: Zeroizing<Vec<u8>>,
}

impl<'a> RequestBody<'a> {
    /// A body that holds nothing but the credentials.
    #[inline]
    pub(crate) fn new(Credentials(login): &'a Credentials) -> Self {
        // Room for a one-time code. Growing would leave a copy behind, so the credentials come into their place last.
        let mut body = Zeroizing::new(Vec::with_capacity(login.len() + 128));
        body.resize(login.len(), 0);
        Self { login, body }
    }

    /// Adds a field; its name needs no escapes.
    #[inline]
    pub(crate) fn field(mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Self {
        for part in [b",\"", name.as_bytes(), b"\":"] {
            self.body.extend_from_slice(part);
        }
        serde_json::to_writer(&mut *self.body, value).expect(PLAIN);
        self
    }

    #[inline]
    pub(crate) fn finish(mut self) -> Bytes {
        self.body.push(b'}');
        self.body[..self.login.len()].copy_from_slice(self.login);
        Bytes::from_owner(self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_one_flat_object_with_the_credentials_first() {
        let credentials = Credentials::new("user", &Secret::new("p\"a#&ss"));
        let body = RequestBody::new(&credentials).finish();
        assert_eq!(&body[..], br#"{"username":"user","password":"p\"a#&ss"}"#);

        let credentials = Credentials::new(&"\0".repeat(30), &Secret::new("\0".repeat(30)));
        for mobile in ["965".to_owned(), "965".repeat(1_000)] {
            let body = RequestBody::new(&credentials).field("mobile", &mobile).field("test", &1).finish();
            let escaped = "\\u0000".repeat(30);
            let expected =
                format!(r#"{{"username":"{escaped}","password":"{escaped}","mobile":"{mobile}","test":1}}"#);
            assert_eq!(std::str::from_utf8(&body), Ok(expected.as_str()));
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        assert_eq!(format!("{:?}", Credentials::new("user", &Secret::new("pass"))), "Credentials(***)");
    }
}
