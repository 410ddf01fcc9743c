//! One connection to a Redis server, made anew when it broke.

#![allow(dead_code)] // until the pace and codes use it

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo};
use redis::{RedisError, Script, ToRedisArgs};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::error::{Failure, StoreError, StoreKind};
use crate::error::Error;
use crate::transport::tls;

/// Longest time for DNS, TCP, TLS and log-in, and longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What every key begins with, unless the URL says otherwise.
const PREFIX: &str = "kwtsms:";

/// A Redis server, with one connection that all calls share.
#[derive(Clone)]
pub(crate) struct Redis(Arc<Server>);

struct Server {
    info: ConnectionInfo,
    tls: Option<Arc<rustls::ClientConfig>>,
    prefix: String,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Redis {
    /// Reads a URL: `redis://user:password@host:6379/0`, `rediss://` for TLS, `?prefix=` for what keys begin with.
    /// Connects when it is first asked something.
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        // The driver's error may repeat the URL, and is left out.
        let unusable = || {
            Error::config(
                "the Redis URL cannot be read: write redis://user:password@host:6379/0, or rediss:// for TLS, with \
                 %-escapes for signs like @ / ? # % in the password",
            )
        };
        let mut parsed = reqwest::Url::parse(url).map_err(|_| unusable())?;
        let prefix =
            parsed.query_pairs().find(|(key, _)| key == "prefix").map(|(_, value)| value.into_owned());
        let others: Vec<_> = parsed
            .query_pairs()
            .filter(|(key, _)| key != "prefix")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        parsed.set_query(None);
        if !others.is_empty() {
            parsed.query_pairs_mut().extend_pairs(others);
        }
        let info = parsed.as_str().into_connection_info().map_err(|_| unusable())?;
        let tls = match info.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                return Err(Error::config(
                    "the Redis URL asks for TLS that checks nothing: leave #insecure out",
                ));
            }
            ConnectionAddr::TcpTls { .. } => Some(Arc::new(
                tls::trusted()
                    .map_err(|error| Error::config_from("TLS to Redis could not be set up", error))?,
            )),
            _ => None,
        };
        Ok(Self(Arc::new(Server {
            info,
            tls,
            prefix: prefix.unwrap_or_else(|| PREFIX.to_owned()),
            connection: Mutex::default(),
        })))
    }

    /// Host and port, without user and password.
    pub(crate) fn place(&self) -> String {
        self.0.info.addr().to_string()
    }

    /// A key of ours. What stands in braces decides where a cluster keeps it.
    pub(crate) fn key(&self, name: impl fmt::Display) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// Runs a script, which Redis does as a whole or not at all.
    pub(crate) async fn script<T: FromRedisValue + Send>(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[impl ToRedisArgs + Sync],
    ) -> Result<T, StoreError> {
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for argument in arguments {
            call.arg(argument);
        }
        let mut connection = self.connection().await?;
        let answer = call.invoke_async(&mut connection).await;
        self.settle(answer).await
    }

    /// Runs one command.
    pub(crate) async fn command<T: FromRedisValue + Send>(
        &self,
        command: &redis::Cmd,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        let answer = command.query_async(&mut connection).await;
        self.settle(answer).await
    }

    /// Refuses a server that may throw away keys which have not expired: a counter that is gone is an open door.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if its `maxmemory-policy` is not `noeviction`, or cannot be learnt; of kind `Store` if it
    /// does not answer.
    pub(crate) async fn refuse_eviction(&self) -> Result<(), Error> {
        // `CONFIG GET` is forbidden at most hosters, `INFO` is not.
        let memory: String = self.command(redis::cmd("INFO").arg("memory")).await?;
        match memory.lines().find_map(|line| line.trim().strip_prefix("maxmemory_policy:")) {
            Some("noeviction") => Ok(()),
            Some(policy) => Err(Error::config(format!(
                "the Redis server may throw counters away (maxmemory-policy {policy}): set it to noeviction, or use a \
                 server of its own"
            ))),
            None => Err(Error::config(
                "the Redis server does not say its maxmemory-policy: it must be noeviction",
            )),
        }
    }

    async fn connection(&self) -> Result<MultiplexedConnection, StoreError> {
        let late = || StoreError::new(StoreKind::Redis, Failure::Unreachable, "no answer within 5 s");
        let connect = async {
            let mut connection = self.0.connection.lock().await;
            if let Some(connection) = &*connection {
                return Ok(connection.clone());
            }
            let new = self.connect().await?;
            Ok(connection.insert(new).clone())
        };
        tokio::time::timeout(ANSWER, connect).await.unwrap_or_else(|_| Err(late()))
    }

    async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let broken = |error: io::Error| RedisError::from(error);
        match (self.0.info.addr(), &self.0.tls) {
            (ConnectionAddr::TcpTls { host, port, .. }, Some(tls)) => {
                let name = host.clone().try_into().map_err(|_| {
                    StoreError::new(
                        StoreKind::Redis,
                        Failure::Unreachable,
                        "no certificate can be for this host",
                    )
                })?;
                let stream = tcp(host, *port).await.map_err(broken)?;
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
                self.greet(connector.connect(name, stream).await.map_err(broken)?).await
            }
            (ConnectionAddr::Tcp(host, port), _) => self.greet(tcp(host, *port).await.map_err(broken)?).await,
            #[cfg(unix)]
            (ConnectionAddr::Unix(path), _) => {
                self.greet(tokio::net::UnixStream::connect(path).await.map_err(broken)?).await
            }
            _ => {
                Err(StoreError::new(StoreKind::Redis, Failure::Unreachable, "an address of an unknown kind"))
            }
        }
    }

    /// Logs in over a stream that stands.
    async fn greet(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER));
        let settings = self.0.info.redis_settings();
        let (connection, driver) = MultiplexedConnection::new_with_config(settings, stream, config).await?;
        tokio::spawn(driver);
        Ok(connection)
    }

    /// Forgets a connection that broke, or leads to a server that is no longer the one to write to. What was asked
    /// is not asked again.
    async fn settle<T: Send>(&self, answer: Result<T, RedisError>) -> Result<T, StoreError> {
        match answer.map_err(StoreError::from) {
            Err(error) if error.failure() == Failure::Unreachable => {
                *self.0.connection.lock().await = None;
                Err(error)
            }
            answer => answer,
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&format_args!("{}", self.place())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    #[test]
    fn a_url_is_read_and_debug_shows_neither_user_nor_password() {
        let redis = Redis::new("redis://user:p%40ss@cache.example:6380/2?prefix=app:").unwrap();
        assert_eq!(format!("{redis:?}"), "Redis(cache.example:6380)");
        assert_eq!(redis.key("x"), "app:x");
        assert_eq!(redis.0.info.redis_settings().password(), Some("p@ss"));
        assert_eq!(redis.0.info.redis_settings().db(), 2);
        assert_eq!(Redis::new("redis://cache.example").unwrap().key("x"), "kwtsms:x");
    }

    #[test]
    fn no_error_repeats_the_url() {
        for url in [
            "redis://user:hunter2@host:port",
            "http://user:hunter2@host",
            "redis://user:hunter2@host/hunter2",
            "rediss://user:hunter2@host/#insecure",
            "hunter2",
        ] {
            let error = Redis::new(url).unwrap_err();
            let text = format!("{error:#} {error:?}");
            assert!(!text.contains("hunter2"), "{url}: {text}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_was_cut_is_made_anew_by_the_next_call() {
        let Some(server) = testing::redis().await else { return };
        let redis = Redis::new(&server.url).unwrap();
        let mut id = redis::cmd("CLIENT");
        id.arg("ID");
        let first: i64 = redis.command(&id).await.unwrap();
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("ID").arg(first).arg("SKIPME").arg("no");
        let _ = redis.command::<i64>(&kill).await;
        let mut tries = 0;
        let second: i64 = loop {
            tries += 1;
            match redis.command(&id).await {
                Ok(id) => break id,
                Err(error) => assert!(tries < 3 && error.failure() == Failure::Unreachable, "{error}"),
            }
        };
        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn a_script_runs_and_eviction_is_looked_at() {
        let Some(server) = testing::redis().await else { return };
        let redis = Redis::new(&server.url).unwrap();
        let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
        let key = [redis.key("n")];
        assert_eq!(redis.script::<i64>(&script, &key, &[5]).await.unwrap(), 5);
        assert_eq!(redis.script::<i64>(&script, &key, &[-1]).await.unwrap(), 4);
        redis.refuse_eviction().await.unwrap(); // a server as Debian sets it up
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_an_error_that_names_it_and_no_password() {
        let redis = Redis::new("redis://user:hunter2@127.0.0.1:1/").unwrap();
        let error = redis.command::<()>(&redis::cmd("PING")).await.unwrap_err();
        assert_eq!(error.failure(), Failure::Unreachable);
        let text = format!("{:#}", Error::from(error));
        assert!(text.contains("the Redis server did not answer") && !text.contains("hunter2"), "{text}");
    }
}
