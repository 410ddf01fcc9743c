//! LISTEN: hearing of a commit at once.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};

use super::Postgres;
use super::url::Settings;
use crate::store::StoreError;

/// Pauses before a lost connection is made again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

impl Postgres {
    /// Wakes up whoever waits for `heard` whenever a transaction that notified a channel was committed, for ever, on a
    /// connection of its own. Also once whenever that connection was made: meanwhile something may have been missed.
    ///
    /// Behind a pool that lends a connection for a transaction at a time nothing is heard, and nothing goes wrong.
    pub(crate) async fn listen(self, channel: &'static str, heard: Arc<Notify>) {
        let (first, longest) = PAUSES;
        let mut pause = first;
        loop {
            let mut listened = false;
            // Why it ended is of no use: whoever uses the store otherwise meets the same, and tells it.
            let _ = hear(&self.0.settings, channel, &heard, &mut listened).await;
            pause = if listened { first } else { (pause * 2).min(longest) };
            tokio::time::sleep(pause).await;
        }
    }
}

async fn hear(
    settings: &Settings,
    channel: &str,
    heard: &Notify,
    listened: &mut bool,
) -> Result<(), StoreError> {
    if settings.config.get_ssl_mode() == SslMode::Disable {
        let (client, connection) = settings.config.connect(NoTls).await?;
        follow(client, connection, channel, heard, listened).await
    } else {
        let (client, connection) = settings.config.connect(settings.tls.clone()).await?;
        follow(client, connection, channel, heard, listened).await
    }
}

/// Until the connection is lost.
async fn follow<S: AsyncRead + AsyncWrite + Unpin, T: AsyncRead + AsyncWrite + Unpin>(
    client: Client,
    mut connection: Connection<S, T>,
    channel: &str,
    heard: &Notify,
    listened: &mut bool,
) -> Result<(), StoreError> {
    let sql = format!("LISTEN {channel}");
    let mut listen = std::pin::pin!(client.batch_execute(&sql));
    let mut messages = futures::stream::poll_fn(|cx| connection.poll_message(cx));
    loop {
        tokio::select! {
            done = &mut listen, if !*listened => {
                done?;
                *listened = true;
                heard.notify_one();
            }
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(_))) => heard.notify_one(),
                Some(message) => drop(message?),
                None => return Ok(()),
            }
        }
    }
}
