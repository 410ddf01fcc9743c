//! The pace in Redis: one script reserves and answers.

use std::sync::LazyLock;

use ::redis::Script;
use futures::future::BoxFuture;

use super::schedule::{AHEAD, Answer, SLACK, Scope};
use super::source::{Begun, Seen, Source, Waits};
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

/// A note is `single bulk seen until`. Those that have run out are deleted.
static TELL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2] + ARGV[1]
        local untils = now + ARGV[5]
        local notes = redis.call('HGETALL', KEYS[1])
        for i = 1, #notes, 2 do
            local before = tonumber(string.match(notes[i + 1], '%d+$'))
            if before < now then
                redis.call('HDEL', KEYS[1], notes[i])
            elseif notes[i] == ARGV[2] then
                untils = math.max(untils, before)
            end
        end
        if ARGV[3] == '0' and ARGV[4] == '0' then return redis.call('HDEL', KEYS[1], ARGV[2]) end
        local note = string.format('%s %s %.0f %.0f', ARGV[3], ARGV[4], now, untils)
        redis.call('HSET', KEYS[1], ARGV[2], note)
        return redis.call('EXPIRE', KEYS[1], 172800)",
    )
});

static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local row = redis.call('HMGET', KEYS[1], 'single_rate', 'bulk_rate', 'single_period', 'bulk_period', 'gap',
            'single_next', 'bulk_next', 'granted', 'server')
        for i = 1, 8 do if not row[i] then return false end end
        local info = redis.pcall('INFO', 'server')
        local server = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
        local other = server == row[9] and 0 or 1
        row[9] = nil
        return { time[1] * 1000000 + time[2] + ARGV[1], other, row, redis.call('HGETALL', KEYS[2]) }",
    )
});

static FORGET: LazyLock<Script> =
    LazyLock::new(|| Script::new("return { redis.call('DEL', KEYS[1]), redis.call('DEL', KEYS[2]) }"));

type Read = (i64, i64, (f64, f64, i64, i64, i64, i64, i64, i64), Vec<(String, String)>);

fn note(process: String, note: &str, now: i64) -> Option<Waits> {
    let mut figures = note.split(' ').map(str::parse);
    let [single, bulk, seen, until] = [(); 4].map(|()| figures.next().and_then(Result::ok));
    (until? >= now).then_some(Waits { process, calls: [single?, bulk?], seen: seen? })
}

impl RedisSource {
    fn waiting(&self) -> String {
        self.server.key(format_args!("waiting:{{{}}}", self.scope))
    }

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

    fn tell(
        &self,
        process: String,
        calls: [i64; 2],
        lasts: i64,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let (server, key) = (self.server.clone(), [self.waiting()]);
        let [single, bulk] = calls.map(|calls| calls.to_string());
        let arguments = [self.shift.to_string(), process, single, bulk, lasts.to_string()];
        Box::pin(async move { server.script::<i64>(&TELL, &key, &arguments).await.map(drop) })
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        Box::pin(async move {
            let keys = [self.key(), [self.waiting()]].concat();
            let read: Option<Read> = self.server.script(&READ, &keys, &[self.shift.to_string()]).await?;
            Ok(read.map(|(now, server, row, notes)| {
                let (single, bulk, single_period, bulk_period, gap, single_next, bulk_next, granted) = row;
                let scope = Scope {
                    rates: Rates::stored(single, bulk),
                    spacing: Spacing { periods: [single_period, bulk_period], gap },
                    next: [single_next, bulk_next],
                    granted,
                    server: 0,
                };
                let waiting = notes.into_iter().filter_map(|(process, text)| note(process, &text, now));
                Seen { scope, now, server, waiting: waiting.collect() }
            }))
        })
    }

    fn forget(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let [key] = self.key();
            let deleted: (i64, i64) = self.server.script(&FORGET, &[key, self.waiting()], &[""; 0]).await?;
            Ok(deleted.0 == 1)
        })
    }
}

impl std::fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.scope, self.server.place())
    }
}
