//! The store in Redis: the rules as one script for each operation.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use futures::future::{BoxFuture, FutureExt};
use redis::Script;

use super::{Attempt, Attempted, Full, Operations, Reserve, Reserved, Settle, StoreError};
use crate::store::redis::Redis;

/// A store of codes in a Redis server. Keys expire by themselves; all have a time at which they do.
#[derive(Clone)]
pub(super) struct RedisCodes(pub(super) Redis);

static RESERVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("reserve.lua")));
static SETTLE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("settle.lua")));
static ATTEMPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("attempt.lua")));

fn number(number: i64) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn unexpected() -> StoreError {
    StoreError::new("the Redis server gave an unexpected answer")
}

impl RedisCodes {
    /// All keys hash to one slot of a cluster, as what one script touches must.
    fn challenge(&self, id: &[u8]) -> String {
        self.0.key(format_args!("{{otp}}:challenge:{}", HEXLOWER.encode(id)))
    }

    fn count(&self, key: &[u8]) -> String {
        self.0.key(format_args!("{{otp}}:count:{}", HEXLOWER.encode(key)))
    }

    async fn reserve_now(self, reserve: Reserve) -> Result<Reserved, StoreError> {
        let mut keys = vec![self.challenge(&reserve.id)];
        keys.extend(reserve.counts.iter().map(|count| self.count(&count.key)));
        let mut arguments = vec![
            reserve.context.to_vec(),
            reserve.code.to_vec(),
            number(reserve.begin.unwrap_or(0)),
            number(reserve.expiry_ms),
            number(reserve.another_ms),
            number(reserve.same_code.into()),
            number(reserve.keep_ms),
        ];
        for count in &reserve.counts {
            arguments.extend([count.cost, count.cap, count.share, count.window_ms].map(number));
        }
        let answer: Vec<i64> = self.0.script(&RESERVE, &keys, &arguments).await?;
        match answer[..] {
            [0] => Ok(Reserved::Ended),
            [1, serial, expires_in_ms, attempts_left] => {
                Ok(Reserved::Taken { serial, expires_in_ms, attempts_left })
            }
            [2, ref full @ ..] => {
                let full = full.chunks_exact(2).map(|pair| {
                    let place = usize::try_from(pair[0]).map_err(|_| unexpected())?;
                    Ok(Full { place, retry_after_ms: pair[1].max(1) })
                });
                Ok(Reserved::Limited { full: full.collect::<Result<_, StoreError>>()? })
            }
            _ => Err(unexpected()),
        }
    }

    async fn settle_now(self, settle: Settle) -> Result<(), StoreError> {
        let mut keys = vec![self.challenge(&settle.id)];
        keys.extend(settle.changes.iter().map(|change| self.count(&change.key)));
        let mut arguments = vec![number(settle.serial), number(settle.accepted.into())];
        for change in &settle.changes {
            arguments.extend([change.give_back, change.ends_in_ms.unwrap_or(-1)].map(number));
        }
        Ok(self.0.script(&SETTLE, &keys, &arguments).await?)
    }

    async fn attempt_now(self, attempt: Attempt) -> Result<Attempted, StoreError> {
        let keys =
            [self.challenge(&attempt.id), self.count(&attempt.failures.key), self.count(&attempt.unverified)];
        let arguments = [
            attempt.context.to_vec(),
            attempt.code.to_vec(),
            number(attempt.failures.cap),
            number(attempt.failures.window_ms),
        ];
        let (word, value): (String, i64) = self.0.script(&ATTEMPT, &keys, &arguments).await?;
        Ok(match word.as_str() {
            "right" => Attempted::Right,
            "wrong" => Attempted::Wrong { left: value },
            "superseded" => Attempted::Superseded { left: value },
            "spent" => Attempted::Spent,
            "expired" => Attempted::Expired,
            "used" => Attempted::Used,
            "none" => Attempted::NotFound,
            "limited" => Attempted::Limited { retry_after_ms: value.max(1) },
            _ => return Err(unexpected()),
        })
    }
}

impl Operations for RedisCodes {
    fn reserve(&self, reserve: Reserve) -> BoxFuture<'static, Result<Reserved, StoreError>> {
        self.clone().reserve_now(reserve).boxed()
    }

    fn settle(&self, settle: Settle) -> BoxFuture<'static, Result<(), StoreError>> {
        self.clone().settle_now(settle).boxed()
    }

    fn attempt(&self, attempt: Attempt) -> BoxFuture<'static, Result<Attempted, StoreError>> {
        self.clone().attempt_now(attempt).boxed()
    }

    fn sweep(&self) -> BoxFuture<'static, Result<u64, StoreError>> {
        // Every key has its time.
        futures::future::ready(Ok(0)).boxed()
    }

    fn name(&self) -> &'static str {
        "Redis"
    }
}
