//! Setting up a sandbox.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::doors::http::Server;
use super::handle::Sandbox;
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
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Settings::default(),
            accounts: Vec::new(),
            hosts: Vec::new(),
        }
    }
}

impl SandboxBuilder {
    /// The address to listen on; a free port of 127.0.0.1 unless set.
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
    /// own that resolves to this machine. The gateway under `/API/` answers to any name.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
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
        let (bind, hosts) = (self.bind, self.hosts.clone());
        let shared = self.shared();
        let server = Server::start(bind, hosts, shared.clone()).await?;
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
