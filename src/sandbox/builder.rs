//! Setting up a sandbox.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::doors::guard::Guard;
use super::doors::http::{Listening, Server};
use super::handle::Sandbox;
use super::model::account::Maker;
use super::model::gateway::Gateway;
use super::model::reply::{CreditStyle, ErrorStatus};
use super::model::settings::Settings;
use super::shared::Shared;

/// Settings of a [`Sandbox`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct SandboxBuilder {
    bind: SocketAddr,
    settings: Settings,
    accounts: Vec<(String, String)>,
    hosts: Vec<String>,
    origins: Vec<String>,
    patience: Duration,
}

/// The port of a sandbox that is started by hand, as the documents, the command and the examples have it.
///
/// [`SandboxBuilder::bind`] takes any; tests leave it out and get a free one.
pub const DEFAULT_PORT: u16 = 4010;
/// How long a request may take to arrive, unless set; half of what browsers and nginx wait for.
const PATIENCE: Duration = Duration::from_secs(30);

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Settings::default(),
            accounts: Vec::new(),
            hosts: Vec::new(),
            origins: Vec::new(),
            patience: PATIENCE,
        }
    }
}

impl SandboxBuilder {
    /// The address to listen on; a free port of 127.0.0.1 unless set.
    ///
    /// Beside 127.0.0.1 and 0.0.0.0 it listens on the same port of ::1 where the machine has IPv6, since `localhost`
    /// may be either.
    ///
    /// Whoever reaches it reads the messages and changes the accounts: there is no password. With `0.0.0.0`, as in a
    /// container, [`Sandbox::base_url`](super::Sandbox::base_url) is that of 127.0.0.1, and [`allow_host`](Self::allow_host) names the container.
    pub fn bind(mut self, address: impl Into<SocketAddr>) -> Self {
        self.bind = address.into();
        self
    }

    /// Lets the inbox be called by this host name, as `sandbox` in a network of containers.
    ///
    /// Unless set it answers to IP addresses and `localhost` only, so that no web page can reach it by a name of its
    /// own that resolves to this machine. The gateway under `/API/` answers applications by any name.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Lets the pages of an origin call the gateway and the inbox, as `http://localhost:3000`: a test that runs in the
    /// browser itself reads its codes there.
    ///
    /// Unless set no page but the inbox's own is answered, so that no site that a developer visits can plant a message
    /// or read one. Programs that are no browsers send no `Origin` and need no leave.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// How long a request may take to arrive, and how long a connection may be idle; 30 seconds unless set.
    ///
    /// A head that is late closes the connection, a body gets 408.
    pub fn request_timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
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

    /// Which HTTP status one error code comes with, whatever [`error_status`](Self::error_status) says.
    pub fn code_status(mut self, code: impl Into<String>, status: u16) -> Self {
        self.settings.code_status.insert(code.into(), status);
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

    /// Counts stuck messages (test mode, emoji) toward the 1,000 of a queue.
    ///
    /// Off unless set, since an account whose tests end its live messages would have been written about. The account's
    /// page shows one queue, so the other model is as possible; then 1,000 test numbers leave ERR013 for all that
    /// follow, until messages are deleted or taken out of the inbox.
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
            gateway.account(&user, Maker::Owner).password = Some(password);
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
    /// If the address cannot be bound, or if its port is another program's on ::1.
    pub async fn start(mut self) -> io::Result<Sandbox> {
        let guard = Guard::new(std::mem::take(&mut self.hosts), std::mem::take(&mut self.origins));
        let listening = Listening { bind: self.bind, guard, patience: self.patience };
        let shared = self.shared();
        let server = Server::start(listening, shared.clone()).await?;
        Ok(Sandbox { shared, server: Some(Arc::new(server)) })
    }
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
