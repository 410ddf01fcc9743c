//! `Otp`, the service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::call::StartCall;
use super::caller::{Caller, Purpose};
use super::engine::{Ask, Inner};
use super::error::VerifyError;
use super::events;
use super::reply::Verified;
use super::store::StoreError;

/// A service of one-time codes. Cloning is cheap, and clones share everything.
///
/// Make one for an application and keep it. Replicas that share a store and the keys are one service.
#[derive(Clone)]
pub struct Otp(pub(super) Arc<Inner>);

/// Sweeps the store until it is dropped, see [`Otp::sweeper`].
#[derive(Debug)]
#[must_use = "the sweeper stops when it is dropped"]
pub struct Sweeper(JoinHandle<()>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Otp {
    /// Sends a code to a number.
    ///
    /// The limits are taken and the code is stored, all or nothing, before anything is sent. The number may be written
    /// as people write it. `Ok` means that a code may arrive, see [`Started::delivery`](super::Started::delivery).
    ///
    /// # Errors
    ///
    /// See [`StartError`](super::StartError): nothing was sent, nothing was charged.
    pub fn start(&self, number: impl Into<String>, purpose: Purpose, caller: &Caller) -> StartCall {
        StartCall::new(&self.0, Ask::Begin { number: number.into(), purpose, decoy: false }, caller)
    }

    /// [`start`](Self::start) [in the background](StartCall::in_background).
    pub fn start_in_background(
        &self,
        number: impl Into<String>,
        purpose: Purpose,
        caller: &Caller,
    ) -> StartCall {
        self.start(number, purpose, caller).in_background()
    }

    /// Does all that [`start`](Self::start) does but the sending, for a number that has no account: same limits, same
    /// reply, and no code is right. So a page tells nobody who has an account.
    ///
    /// The reply comes sooner, since no message is sent, and is `Accepted` also where the gateway is out of order. Where
    /// that matters call both [in the background](StartCall::in_background).
    ///
    /// # Errors
    ///
    /// As `start`.
    pub fn decoy(&self, number: impl Into<String>, purpose: Purpose, caller: &Caller) -> StartCall {
        StartCall::new(&self.0, Ask::Begin { number: number.into(), purpose, decoy: true }, caller)
    }

    /// Sends another code for a challenge. Attempts that were used stay used.
    ///
    /// The code before is valid until the gateway has accepted the new message, and where that is unknown as long as it
    /// would have been.
    ///
    /// # Errors
    ///
    /// As `start`, and [`StartError::Ended`](super::StartError::Ended) where the challenge takes no other code.
    pub fn resend(&self, challenge: impl AsRef<str>, caller: &Caller) -> StartCall {
        StartCall::new(&self.0, Ask::Another { challenge: challenge.as_ref().to_owned() }, caller)
    }

    /// Compares a typed code, counts the attempt and uses the code up, in one step of the store.
    ///
    /// Digits of any script are read, with blanks and marks between and around them. Of any number of calls at once, on
    /// any replica, one gets the [`Verified`].
    ///
    /// # Errors
    ///
    /// See [`VerifyError`].
    ///
    /// # Cancellation
    ///
    /// Dropped while the store works, the attempt may have been counted and the code used up.
    pub fn verify(
        &self,
        challenge: impl AsRef<str>,
        purpose: Purpose,
        code: impl AsRef<str>,
        caller: &Caller,
    ) -> BoxFuture<'static, Result<Verified, VerifyError>> {
        let inner = Arc::clone(&self.0);
        let (challenge, code) = (challenge.as_ref().to_owned(), Zeroizing::new(code.as_ref().to_owned()));
        let caller = caller.clone();
        Box::pin(async move {
            let verified = inner.verify(&challenge, purpose, &code, &caller).await;
            events::compared(purpose, &verified);
            verified
        })
    }

    /// Forgets challenges and counts that have no meaning any more; gives how many.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        self.0.store.0.sweep().await
    }

    /// Sweeps in a task, now and after each pause, until what this gives is dropped. One replica is enough; Redis and the
    /// memory forget by themselves.
    pub fn sweeper(&self, pause: Duration) -> Sweeper {
        let store = self.0.store.clone();
        Sweeper(tokio::spawn(async move {
            loop {
                match store.0.sweep().await {
                    Ok(swept) => events::swept(swept),
                    Err(error) => events::store_failed("sweep", &error),
                }
                tokio::time::sleep(pause).await;
            }
        }))
    }

    /// Waits until no message is on its way whose outcome is still to be stored: at the end of a process, after it has
    /// stopped to take requests.
    pub async fn settled(&self) {
        // The sender lives as long as this.
        let _ = self.0.under_way.subscribe().wait_for(|messages| *messages == 0).await;
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otp")
            .field("store", &self.0.store)
            .field("keys", &self.0.ring)
            .field("namespace", &self.0.namespace)
            .field("countries", &self.0.countries)
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}
