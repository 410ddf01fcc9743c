//! `Sandbox`, the handle on a running one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::account_handle::AccountHandle;
use super::doors::http::Server;
use super::doors::in_process::SandboxTransport;
use super::faults_handle::Faults;
use super::inbox::Inbox;
use super::model::account::Maker;
use super::model::message::Message;
use super::model::request::SeenRequest;
use super::shared::Shared;

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
    pub(super) shared: Arc<Shared>,
    pub(super) server: Option<Arc<Server>>,
}

impl Sandbox {
    /// The base URL, as `http://127.0.0.1:49152/API/`.
    ///
    /// An in-process gateway has none; it says `in-process:/API/`, which no HTTP client takes.
    pub fn base_url(&self) -> &str {
        self.server.as_ref().map_or("in-process:/API/", |server| server.base_url())
    }

    /// The address of the inbox's page, as `http://127.0.0.1:49152/`; its API is below it, at `/api/`.
    ///
    /// An in-process gateway has none; it says `in-process:/`.
    pub fn inbox_url(&self) -> &str {
        self.base_url().strip_suffix("API/").unwrap_or_default()
    }

    /// Opens an in-process door. To the firewall rule each call is an address of its own, and clones are the same one.
    pub fn transport(&self) -> SandboxTransport {
        SandboxTransport::new(self.shared.clone())
    }

    /// Opens the inbox: what a person would see of the accepted messages, of all accounts or of one.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.shared.clone())
    }

    /// Waits for the next message to a number, of any account; see [`Inbox::wait_for`].
    ///
    /// ```
    /// use kwtsms_async::{Client, sandbox::Sandbox};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kwtsms_async::Error> {
    /// let sandbox = Sandbox::in_process();
    /// let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
    /// // What is tested sends in a task of its own, some time or other.
    /// tokio::spawn(async move { client.send("96598765432", "Your OTP for MYAPP is: 123456").await });
    ///
    /// let message = sandbox.wait_for("+965 9876 5432").await;
    /// assert_eq!(message.otp(), Some("123456"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// A wait that is dropped has taken nothing.
    pub async fn wait_for(&self, number: &str) -> Message {
        self.inbox().wait_for(number).await
    }

    /// The one-time code of the newest message to a number that has one; see [`Message::otp`].
    pub fn otp(&self, number: &str) -> Option<String> {
        self.inbox().otp(number)
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
        self.shared.lock().traffic.swallowed
    }

    /// Opens the settings of an account, which is made if there is none.
    pub fn account(&self, user: impl Into<String>) -> AccountHandle {
        let user = user.into();
        self.shared.lock().account(&user, Maker::Owner);
        AccountHandle::new(self.shared.clone(), user)
    }

    /// Deletes a message from the queue, as one does on the account's page.
    ///
    /// Gives the credits that come back: those of the numbers not sent yet. `None` if it is not in a queue.
    pub fn delete_message(&self, id: &str) -> Option<u64> {
        self.shared.lock().delete(id, Instant::now())
    }

    /// Opens the script of faults.
    pub fn faults(&self) -> Faults {
        Faults::new(self.shared.clone())
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
