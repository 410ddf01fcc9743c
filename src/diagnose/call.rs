//! How a diagnosis is asked for.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::check::Diagnosis;
use super::run::{Found, Questions, run};
use crate::call::Lazy;
use crate::client::{Client, ClientBuilder};
use crate::ids::MessageId;

/// A diagnosis that is being set up; a future: await it or spawn it.
///
/// It answers what is asked when messages do not arrive: see [`Diagnosis`] for the checks. It makes at most six
/// requests, each once and through the client's limiter, and stops asking where further requests would meet the same:
/// 3 (balance, sender ids, countries), 1 more with a number and 2 more with a message id. Nothing is sent and nothing
/// is charged.
///
/// What it says can be shown to others: no password, no text of a message, and numbers masked unless
/// [`show_numbers`](Self::show_numbers) is called.
///
/// # Cancellation
///
/// Dropped while it waits, it makes no further request; one that has left is finished for the record.
#[must_use = "a diagnosis does nothing until it is awaited or spawned"]
pub struct Diagnose(Lazy<Setup, Diagnosis>);

struct Setup {
    found: Found,
    questions: Questions,
}

impl Client {
    /// Looks why something does not work, or that all is well.
    ///
    /// It is no `Result`: what fails is what was asked for.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use kwtsms_async::{CheckStatus, Client, sandbox::Sandbox};
    ///
    /// let sandbox = Sandbox::in_process();
    /// let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
    /// let found = client.diagnose().number("+965 9876 5432").message("Don’t wait").await;
    /// assert_eq!(found.requests(), 4);
    /// let sender = found.check("sender_id").unwrap();
    /// assert_eq!(sender.status(), CheckStatus::Warning); // KWT-SMS is everybody's
    /// println!("{}: {}", sender.seen(), sender.action().unwrap_or_default());
    /// # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
    /// ```
    pub fn diagnose(&self) -> Diagnose {
        Diagnose::new(Found { core: Ok(Arc::clone(&self.core)), credentials: None, sender_id: None })
    }
}

impl ClientBuilder {
    /// Looks what is wrong with settings, also with such as no client can be made of.
    ///
    /// Without credentials the gateway is asked without, once, to see whether it can be reached.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use kwtsms_async::{CheckStatus, Client, sandbox::Sandbox};
    ///
    /// let sandbox = Sandbox::in_process();
    /// let found = Client::builder("", "").transport(sandbox.transport()).diagnose().await;
    /// assert_eq!(found.check("credentials").unwrap().status(), CheckStatus::Failed);
    /// assert_eq!(found.check("gateway").unwrap().status(), CheckStatus::Ok);
    /// # }); }
    /// ```
    pub fn diagnose(self) -> Diagnose {
        let credentials = self.missing();
        let (builder, sender_id) = self.with_a_usable_sender_id();
        let builder = if credentials.is_some() { builder.without_credentials() } else { builder };
        let core = builder.assemble().map(|client| client.core);
        Diagnose::new(Found { core, credentials, sender_id })
    }
}

impl Diagnose {
    fn new(found: Found) -> Self {
        let setup = Setup { found, questions: Questions::default() };
        Self(Lazy::Set(setup, |setup| Box::pin(run(setup.found, setup.questions))))
    }

    fn set(mut self, change: impl FnOnce(&mut Questions)) -> Self {
        self.0.set(|setup| change(&mut setup.questions));
        self
    }

    /// Looks at a number too: whether it is one, whether its country is open and what the gateway says of it.
    pub fn number(self, number: impl Into<String>) -> Self {
        let number = number.into();
        self.set(|questions| questions.number = Some(number))
    }

    /// Looks at a text too: what would get it stuck, its pages, its encoding and what forces it.
    pub fn message(self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.set(|questions| questions.message = Some(text))
    }

    /// Asks what became of a message, too.
    pub fn message_id(self, message_id: &MessageId) -> Self {
        let message_id = message_id.clone();
        self.set(|questions| questions.message_id = Some(message_id))
    }

    /// Shows numbers in full. Unless asked, they are masked (`965****432`).
    pub fn show_numbers(self) -> Self {
        self.set(|questions| questions.show_numbers = true)
    }

    /// Bounds the whole of it from its start; what was not asked by then is skipped. Without it each request may take
    /// its turn and the client's time-out, and the first one that is not answered is the last.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.set(|questions| questions.deadline = Some(deadline))
    }
}

impl Future for Diagnose {
    type Output = Diagnosis;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Diagnosis> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for Diagnose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Diagnose")
    }
}
