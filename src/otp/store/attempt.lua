-- KEYS: the challenge, its number's failures, the unverified messages of its country. ARGV: context, code, the most
-- failures, their window. Gives a word and a number: attempts left, or when failures end.
local c = redis.call('HMGET', KEYS[1], 'context', 'attempts', 'max', 'used', 'code', 'expires', 'before',
  'before_expires', 'sent')
if not c[1] or c[1] ~= ARGV[1] then return {'none', 0} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function int(n) return string.format('%.0f', n) end
if c[4] ~= '0' then return {'used', 0} end
local attempts, max = tonumber(c[2]), tonumber(c[3])
if attempts >= max then return {'spent', 0} end
local newest, before = tonumber(c[6]) > now, tonumber(c[8]) > now
if not newest and not before then return {'expired', 0} end
local f = redis.call('HMGET', KEYS[2], 'n', 'expires')
local failed, ends = tonumber(f[1] or '0'), tonumber(f[2] or '0')
if ends <= now then failed, ends = 0, now + tonumber(ARGV[4]) end
if failed >= tonumber(ARGV[3]) then return {'limited', ends - now} end
redis.call('HSET', KEYS[1], 'attempts', int(attempts + 1))
if (newest and c[5] == ARGV[2]) or (before and c[7] == ARGV[2]) then
  redis.call('HSET', KEYS[1], 'used', int(now))
  redis.call('DEL', KEYS[2])
  local u = redis.call('HMGET', KEYS[3], 'n', 'verified')
  if u[1] then
    local sent = tonumber(c[9])
    redis.call('HSET', KEYS[3], 'n', int(math.max(tonumber(u[1]) - sent, 0)), 'verified', int(tonumber(u[2]) + sent))
  end
  return {'right', 0}
end
redis.call('HSET', KEYS[2], 'n', int(failed + 1), 'verified', '0', 'expires', int(ends))
redis.call('PEXPIREAT', KEYS[2], int(ends))
return {c[7] == ARGV[2] and 'superseded' or 'wrong', max - attempts - 1}
