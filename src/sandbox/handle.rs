//! `Sandbox` and the handles on it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use super::account::Account;
use super::faults::Fault;
use super::gateway::{Answer, Call, Gateway, Settings};
use super::http::Server;
use super::in_process::SandboxTransport;
use super::record::{Message, SeenRequest};
use super::reply::{CreditStyle, ErrorStatus};
use crate::clock::wall_now;

/// The model behind a lock, and the time that goes with it; what every handle shares.
pub(super) struct Shared {
    gateway: Mutex<Gateway>,
    started: Instant,
    started_unix: u64,
    doors: AtomicU64,
}

impl Shared {
    fn new(gateway: Gateway) -> Self {
        Self {
            gateway: Mutex::new(gateway),
            started: Instant::now(),
            started_unix: wall_now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            doors: AtomicU64::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Gateway> {
        self.gateway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a request to the model. The wall time goes with Tokio's, so that both can be paused.
    pub(super) fn answer(&self, call: &Call<'_>) -> Answer {
        let now = Instant::now();
        let unix = self.started_unix + now.saturating_duration_since(self.started).as_secs();
        self.lock().answer(call, now, unix)
    }

    pub(super) fn next_door(&self) -> u64 {
        self.doors.fetch_add(1, Ordering::Relaxed)
    }
}

/// A local kwtSMS gateway.
///
/// Clones and handles share one state. The HTTP server of a started one stops when the last clone is dropped; an
/// in-process one has no server and holds no socket.
///
/// ```
/// use kwtsms_async::sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::start().await?;
/// assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
/// sandbox.account("api_user").set_balance(3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
    server: Option<Arc<Server>>,
}

impl Sandbox {
    /// Starts a gateway on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// If no socket can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Makes a gateway without a socket, to be reached by [`transport`](Self::transport); it keeps to paused time.
    pub fn in_process() -> Self {
        Self::builder().in_process()
    }

    /// Starts setting one up.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// The base URL, as `http://127.0.0.1:49152/API/`.
    ///
    /// An in-process gateway has none; it says `in-process:/API/`, which no HTTP client takes.
    pub fn base_url(&self) -> &str {
        self.server.as_ref().map_or("in-process:/API/", |server| server.base_url())
    }

    /// Opens an in-process door. To the firewall rule each call is an address of its own, and clones are the same one.
    pub fn transport(&self) -> SandboxTransport {
        SandboxTransport::new(self.shared.clone())
    }

    /// The accepted messages, oldest first, as far as the history reaches.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.lock().messages(Instant::now())
    }

    /// The requests that arrived, oldest first, as far as the history reaches.
    ///
    /// Refused connections and what the firewall swallowed never arrived.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.lock().history.requests()
    }

    /// How many messages the bounded history has dropped.
    pub fn forgotten_messages(&self) -> u64 {
        self.shared.lock().history.forgotten_messages
    }

    /// How many requests the bounded history has dropped.
    pub fn forgotten_requests(&self) -> u64 {
        self.shared.lock().history.forgotten_requests
    }

    /// How many requests the firewall swallowed; 0 says that a client kept to the speed limit.
    pub fn swallowed(&self) -> u64 {
        self.shared.lock().swallowed
    }

    /// Opens the settings of an account, which is made if there is none.
    pub fn account(&self, user: impl Into<String>) -> AccountHandle {
        let user = user.into();
        self.shared.lock().account(&user);
        AccountHandle { shared: self.shared.clone(), user }
    }

    /// Deletes a message from the queue, as one does on the account's page.
    ///
    /// Gives the credits that come back: those of the numbers not sent yet. `None` if it is not in a queue.
    pub fn delete_message(&self, id: &str) -> Option<u64> {
        self.shared.lock().delete(id, Instant::now())
    }

    /// Opens the script of faults.
    pub fn faults(&self) -> Faults {
        Faults { shared: self.shared.clone() }
    }

    /// Sets how long every answer takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.lock().settings.latency = latency;
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}

/// Settings of a [`Sandbox`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct SandboxBuilder {
    bind: SocketAddr,
    settings: Settings,
    accounts: Vec<(String, String)>,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Settings::default(),
            accounts: Vec::new(),
        }
    }
}

impl SandboxBuilder {
    /// The address to listen on; a free port of 127.0.0.1 unless set.
    pub fn bind(mut self, address: impl Into<SocketAddr>) -> Self {
        self.bind = address.into();
        self
    }

    /// How long every answer takes; nothing unless set. The request is worked on when it arrives.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Makes an account that takes this password only; other passwords get ERR003.
    pub fn account(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.accounts.push((user.into(), password.into()));
        self
    }

    /// Refuses user names that were not set up with ERR003; unless set, each makes its own account on first use.
    pub fn known_accounts_only(mut self, only: bool) -> Self {
        self.settings.known_accounts_only = only;
        self
    }

    /// Which HTTP status an error code comes with.
    pub fn error_status(mut self, status: ErrorStatus) -> Self {
        self.settings.error_status = status;
        self
    }

    /// How credits are written in JSON; integers unless set.
    pub fn credit_style(mut self, style: CreditStyle) -> Self {
        self.settings.credit_style = style;
        self
    }

    /// How many messages and how many requests are remembered, at least 1; 10,000 unless set.
    ///
    /// A forgotten message is still in its queue, but `status` and `dlr` no longer know it.
    pub fn history(mut self, entries: usize) -> Self {
        self.settings.history = entries;
        self
    }

    /// How many numbers a second leave the queue of an account; 50 unless set, 0 stops it.
    pub fn drain_per_second(mut self, numbers: u32) -> Self {
        self.settings.drain_per_second = numbers;
        self
    }

    /// Holds test messages to the 15 seconds between two to the same number. Off unless set: reports from the real
    /// gateway contradict each other.
    pub fn same_number_in_test_mode(mut self, on: bool) -> Self {
        self.settings.same_number_in_test_mode = on;
        self
    }

    /// Counts stuck messages (test mode, emoji) toward the 1,000 of a queue. On unless set, since the account's page
    /// shows one queue; whether the gateway counts so is unknown.
    pub fn stuck_messages_fill_queue(mut self, on: bool) -> Self {
        self.settings.stuck_fill_queue = on;
        self
    }

    /// The code for more than 2,500 characters of `mobile`, `None` to let them pass; ERR025 unless set. Unknown on
    /// the real gateway.
    pub fn long_mobile(mut self, code: Option<&str>) -> Self {
        self.settings.long_mobile = code.map(str::to_owned);
        self
    }

    /// How long after a message was sent its delivery reports are there; 5 minutes unless set.
    pub fn reports_after(mut self, delay: Duration) -> Self {
        self.settings.report_after = delay;
        self
    }

    /// Blocks a door or an address that starts more than 5 requests in any second, for this long. Off unless set.
    ///
    /// What is blocked gets no answer at all. How long the real block lasts is unknown.
    pub fn firewall(mut self, block_for: Duration) -> Self {
        self.settings.firewall = Some(block_for);
        self
    }

    fn shared(self) -> Arc<Shared> {
        let mut gateway = Gateway::new(self.settings, fastrand::u64(..));
        for (user, password) in self.accounts {
            gateway.account(&user).password = Some(password);
        }
        Arc::new(Shared::new(gateway))
    }

    /// Makes a gateway without a socket.
    pub fn in_process(self) -> Sandbox {
        Sandbox { shared: self.shared(), server: None }
    }

    /// Starts a gateway with its HTTP server, on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub async fn start(self) -> io::Result<Sandbox> {
        let bind = self.bind;
        let shared = self.shared();
        let server = Server::start(bind, shared.clone()).await?;
        Ok(Sandbox { shared, server: Some(Arc::new(server)) })
    }
}

impl fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("bind", &self.bind)
            .field("settings", &self.settings)
            .field("accounts", &self.accounts.len())
            .finish()
    }
}

/// The script of faults of a [`Sandbox`].
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl Faults {
    /// Adds a fault behind those still to come.
    pub fn push(&self, fault: Fault) {
        self.shared.lock().faults.push(fault);
    }

    /// Forgets those still to come.
    pub fn clear(&self) {
        self.shared.lock().faults.clear();
    }

    /// How many requests are still to be hit.
    pub fn pending(&self) -> usize {
        self.shared.lock().faults.pending()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&self.shared.lock().faults).finish()
    }
}

/// The settings and the state of one account of a [`Sandbox`].
#[derive(Clone)]
pub struct AccountHandle {
    shared: Arc<Shared>,
    user: String,
}

impl AccountHandle {
    fn with<T>(&self, use_it: impl FnOnce(&mut Account) -> T) -> T {
        use_it(self.shared.lock().account(&self.user))
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The credits left.
    pub fn balance(&self) -> u64 {
        self.with(|account| account.available)
    }

    /// Sets the credits left; 1,000 at first.
    pub fn set_balance(&self, credits: u64) {
        self.with(|account| account.available = credits);
    }

    /// Sets the credits ever bought; 1,000 at first.
    pub fn set_purchased(&self, credits: u64) {
        self.with(|account| account.purchased = credits);
    }

    /// Sets the only password taken; `None` takes any, as at first.
    pub fn set_password(&self, password: Option<&str>) {
        self.with(|account| account.password = password.map(str::to_owned));
    }

    /// The sender ids.
    pub fn sender_ids(&self) -> Vec<String> {
        self.with(|account| account.sender_ids.clone())
    }

    /// Sets the sender ids; `KWT-SMS` and `KWT-TEST` at first.
    pub fn set_sender_ids<S: Into<String>>(&self, ids: impl IntoIterator<Item = S>) {
        self.with(|account| account.sender_ids = strings(ids));
    }

    /// The active prefixes.
    pub fn coverage(&self) -> Vec<String> {
        self.with(|account| account.coverage.clone())
    }

    /// Sets the active prefixes; the six countries of the Gulf at first, and none gives ERR033.
    pub fn set_coverage<S: Into<String>>(&self, prefixes: impl IntoIterator<Item = S>) {
        self.with(|account| account.coverage = strings(prefixes));
    }

    /// Lets every endpoint answer this code: ERR001 (API off), ERR004, ERR005 (blocked), ERR024 (IP lockdown).
    pub fn block_with(&self, code: impl Into<String>) {
        self.with(|account| account.blocked = Some(code.into()));
    }

    /// Ends [`block_with`](Self::block_with).
    pub fn unblock(&self) {
        self.with(|account| account.blocked = None);
    }

    /// Sets the words that give ERR031, whatever their case; none at first.
    pub fn set_bad_words<S: Into<String>>(&self, words: impl IntoIterator<Item = S>) {
        self.with(|account| account.bad_words = strings(words));
    }

    /// Sets the words that give ERR032, whatever their case; none at first.
    pub fn set_spam_words<S: Into<String>>(&self, words: impl IntoIterator<Item = S>) {
        self.with(|account| account.spam_words = strings(words));
    }

    /// Sets the sender ids that give ERR008; none at first.
    pub fn set_banned_senders<S: Into<String>>(&self, ids: impl IntoIterator<Item = S>) {
        self.with(|account| account.banned_senders = strings(ids));
    }

    /// How many numbers are in the queue, stuck ones included.
    pub fn queued(&self) -> usize {
        let mut gateway = self.shared.lock();
        gateway.settle(Instant::now());
        gateway.account(&self.user).queued(true)
    }
}

impl fmt::Debug for AccountHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountHandle").field("user", &self.user).finish_non_exhaustive()
    }
}

fn strings<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Vec<String> {
    items.into_iter().map(Into::into).collect()
}
