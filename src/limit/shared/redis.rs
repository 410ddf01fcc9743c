//! The pace in Redis: one script reserves and answers.

use std::sync::LazyLock;

use ::redis::Script;
use futures::future::BoxFuture;

use super::schedule::{AHEAD, Answer, SLACK};
use super::source::{Begun, Source};
use crate::limit::rates::{Lane, Rates, Spacing};
use crate::store::redis::Redis;
use crate::store::{Kept, StoreError, StoreKind};

#[derive(Clone)]
pub(super) struct RedisSource {
    pub(super) server: Redis,
    pub(super) scope: String,
    /// Added to the clock; zero outside tests.
    pub(super) shift: i64,
}

static RESERVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("reserve.lua")));

/// Gives the rates that the scope has, as text: Lua's numbers would be cut to whole ones.
static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2] + ARGV[1]
        if redis.call('HEXISTS', KEYS[1], 'gap') == 0 then
            local function first(period)
                return string.format('%.0f', now + ARGV[2] + math.min(period, tonumber(ARGV[3])))
            end
            local info = redis.pcall('INFO', 'server')
            redis.call('HSET', KEYS[1], 'single_rate', ARGV[4], 'bulk_rate', ARGV[5], 'single_period', ARGV[6],
                'bulk_period', ARGV[7], 'gap', ARGV[8], 'single_next', first(ARGV[6]), 'bulk_next', first(ARGV[7]),
                'granted', 0, 'server', type(info) == 'string' and string.match(info, 'run_id:(%x+)') or '')
        end
        local rates = redis.call('HMGET', KEYS[1], 'single_rate', 'bulk_rate')
        return { rates[1], rates[2], now }",
    )
});

impl RedisSource {
    fn key(&self) -> [String; 1] {
        [self.server.key(format_args!("pace:{{{}}}", self.scope))]
    }
}

impl Source for RedisSource {
    fn kind(&self) -> StoreKind {
        StoreKind::Redis
    }

    fn kept(&self) -> Kept {
        Kept::Redis(self.server.clone())
    }

    fn begin(&self, rates: Rates) -> BoxFuture<'_, Result<Begun, StoreError>> {
        Box::pin(async move {
            let Spacing { periods, gap } = Spacing::of(rates);
            let arguments = [
                self.shift.to_string(),
                AHEAD.to_string(),
                SLACK.to_string(),
                rates.single().to_string(),
                rates.bulk().to_string(),
                periods[0].to_string(),
                periods[1].to_string(),
                gap.to_string(),
            ];
            let (single, bulk, now) = self.server.script(&BEGIN, &self.key(), &arguments).await?;
            Ok(Begun { rates: Rates::stored(single, bulk), now })
        })
    }

    fn reserve(&self, lane: Lane, unused: Option<i64>) -> BoxFuture<'_, Result<Option<Answer>, StoreError>> {
        Box::pin(async move {
            let (mine, other) = match lane {
                Lane::Single => ("single", "bulk"),
                Lane::Bulk => ("bulk", "single"),
            };
            let arguments = [
                self.shift.to_string(),
                mine.to_owned(),
                other.to_owned(),
                AHEAD.to_string(),
                SLACK.to_string(),
                unused.map_or_else(String::new, |unused| unused.to_string()),
            ];
            let answer: Option<(i64, i64, i64, i64)> =
                self.server.script(&RESERVE, &self.key(), &arguments).await?;
            Ok(answer.map(|(given, wait, now, granted)| Answer { given: given == 1, wait, now, granted }))
        })
    }
}

impl std::fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.scope, self.server.place())
    }
}
