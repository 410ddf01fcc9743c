//! Request bodies.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::phone::PhoneNumber;
use crate::secret::Secret;

/// Who asks: the user name and the password. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Credentials(Arc<Login>);

struct Login {
    #[cfg(any(feature = "diagnose", feature = "jsonl"))]
    username: String,
    password: Secret,
    /// Both as they stand in every request body, `{"username":…,"password":…`, without the end of the object.
    head: Zeroizing<Vec<u8>>,
}

const PLAIN: &str = "strings and numbers always serialise";

impl Credentials {
    /// The only place where the password is exposed.
    pub(crate) fn new(username: &str, password: &Secret) -> Self {
        #[derive(Serialize)]
        struct Fields<'a> {
            username: &'a str,
            password: &'a str,
        }

        let secret = password.clone();
        let password = password.expose();
        // The longest escape of a byte is the six of \u0000; 64 hold the names of the fields. A buffer that grows
        // would leave a copy behind.
        let room = 64 + 6 * (username.len() + password.len());
        let mut head = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *head, &Fields { username, password }).expect(PLAIN);
        debug_assert!(head.len() <= room, "the buffer grew");
        head.pop();
        Self(Arc::new(Login {
            #[cfg(any(feature = "diagnose", feature = "jsonl"))]
            username: username.to_owned(),
            password: secret,
            head,
        }))
    }

    /// What is unusual about the password, without a part of it.
    #[cfg(feature = "diagnose")]
    pub(crate) fn oddities_of_the_password(&self) -> Vec<&'static str> {
        self.0.password.oddities()
    }

    #[cfg(any(feature = "diagnose", feature = "jsonl"))]
    pub(crate) fn username(&self) -> &str {
        &self.0.username
    }

    /// A text of somebody else without the password that it may repeat.
    #[cfg_attr(not(feature = "jsonl"), allow(dead_code))]
    pub(crate) fn without_password<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.password.hidden_in(text)
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
    pub(crate) fn new(credentials: &'a Credentials) -> Self {
        let login = &credentials.0.head;
        // Room for a one-time code. Growing would leave a copy behind, so the credentials come into their place last.
        let mut body = Zeroizing::new(Vec::with_capacity(login.len() + 128));
        body.resize(login.len(), 0);
        Self { login, body }
    }

    /// Adds a field; its name needs no escapes.
    #[inline]
    pub(crate) fn field(mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Self {
        self.name(name);
        serde_json::to_writer(&mut *self.body, value).expect(PLAIN);
        self
    }

    /// Adds numbers as the gateway takes them: digits, comma-separated.
    #[inline]
    pub(crate) fn numbers(mut self, name: &'static str, numbers: &[PhoneNumber]) -> Self {
        self.name(name);
        self.body.push(b'"');
        for (i, number) in numbers.iter().enumerate() {
            if i > 0 {
                self.body.push(b',');
            }
            serde_json::to_writer(&mut *self.body, &number.as_u64()).expect(PLAIN);
        }
        self.body.push(b'"');
        self
    }

    /// Adds a switch as the gateway takes it: a string, as in the document's samples.
    #[inline]
    pub(crate) fn switch(mut self, name: &'static str, on: bool) -> Self {
        self.name(name);
        self.body.extend_from_slice(if on { b"\"1\"" } else { b"\"0\"" });
        self
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        self.body.extend_from_slice(b",\"");
        self.body.extend_from_slice(name.as_bytes());
        self.body.extend_from_slice(b"\":");
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
