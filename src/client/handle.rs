//! The client, which knows no endpoint.

use std::sync::Arc;

use crate::core::Core;
use crate::ids::SenderId;
use crate::limit::Limiter;
use crate::same_number::SameNumberMemory;

/// The client of one account.
///
/// Cloning is cheap, and clones share everything: connections, pacing, the cached balance and the memory of
/// recent numbers. Make one per account and keep it.
///
/// ```
/// # #[cfg(feature = "sandbox")] {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use kwtsms_async::{Client, sandbox::Sandbox};
///
/// let sandbox = Sandbox::in_process();
/// let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
/// let balance = client.verify().await?;
/// let report = client.send("+965 9876 5432", "Your OTP for MYAPP is: 123456").await?;
/// assert_eq!(report.accepted(), 1);
/// assert!(report.balance_after() < Some(balance.available()));
/// # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) core: Arc<Core>,
}

impl Client {
    /// The limiter, to be given to a second client on this machine.
    ///
    /// `None` if this client was built [`unpaced`](crate::ClientBuilder::unpaced).
    pub fn limiter(&self) -> Option<Limiter> {
        self.core.limiter.clone()
    }

    /// The memory of the numbers that were written to, to be given to a second client of the same account.
    pub fn same_number_memory(&self) -> SameNumberMemory {
        self.core.messages.same_number.clone()
    }

    /// The host of the gateway, with its port if it is not the usual one; `None` over a transport of one's own.
    pub fn host(&self) -> Option<&str> {
        self.core.destination.as_ref().map(|to| to.host.as_str())
    }

    /// The sender id that is used where a call names none.
    pub fn sender_id(&self) -> &SenderId {
        &self.core.messages.sender_id
    }

    /// Waits until no exchange with the gateway is under way, those included that go on after their callers were
    /// dropped: for a graceful stop, after everything that sends has been stopped. A store that a pace is shared
    /// through then knows too that nobody waits here.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// # use std::time::Duration;
    /// # use kwtsms_async::{Client, sandbox::Sandbox};
    /// # let sandbox = Sandbox::builder().latency(Duration::from_secs(2)).in_process();
    /// # let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
    /// let call = client.send("+965 9876 5432", "Hello");
    /// let late = tokio::time::timeout(Duration::from_secs(1), call).await; // its request has left
    /// assert!(late.is_err());
    /// client.idle().await; // answered: the log and the cached balance know of it
    /// assert!(client.cached_balance().is_some());
    /// # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
    /// ```
    pub async fn idle(&self) {
        self.core.under_way.none().await;
        #[cfg(any(feature = "store", feature = "redis"))]
        if let Some(limiter) = &self.core.limiter {
            limiter.idle().await;
        }
    }

    /// True if messages go out in test mode where a call does not say otherwise.
    pub fn test_mode(&self) -> bool {
        self.core.messages.test_mode
    }
}
