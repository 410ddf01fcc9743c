-- KEYS: the challenge, then counts. ARGV: context, code, attempts of a new challenge or 0, expiry, how long it takes
-- another code, whether all its codes are the same, how long it is remembered; then of each count cost, cap, share,
-- window. Times are milliseconds.
-- Gives 0 (ended), or 1 serial expires-in attempts-left, or 2 and pairs of a count's place and when its window ends.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function int(n) return string.format('%.0f', n) end
local challenge, begin = KEYS[1], tonumber(ARGV[3])
local c = redis.call('HMGET', challenge, 'context', 'attempts', 'max', 'used', 'serial', 'sent', 'code', 'expires', 'begun')
local begun, serial, sent, attempts, max = now, 0, 0, 0, begin
if begin > 0 then
  if c[1] then return {0} end
else
  if not c[1] or c[1] ~= ARGV[1] or c[4] ~= '0' then return {0} end
  attempts, max, serial, sent, begun = tonumber(c[2]), tonumber(c[3]), tonumber(c[5]), tonumber(c[6]), tonumber(c[9])
  if attempts >= max or begun + tonumber(ARGV[5]) <= now then return {0} end
end
local full, taken = {2}, {}
for i = 2, #KEYS do
  local at = 8 + (i - 2) * 4
  local cost, cap, share, window = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local h = redis.call('HMGET', KEYS[i], 'n', 'verified', 'expires')
  local n, verified, expires = tonumber(h[1] or '0'), tonumber(h[2] or '0'), tonumber(h[3] or '0')
  if expires <= now then
    if share > 0 and expires + window > now then
      n, verified, expires = math.floor(n / 2), math.floor(verified / 2), expires + window
    else
      n, verified, expires = 0, 0, now + window
    end
  end
  if n + math.max(cost, 1) > math.max(cap, math.floor(verified * share / 100)) then
    full[#full + 1] = i - 2
    full[#full + 1] = expires - now
  else
    -- A count with a share is remembered for another window, which begins with half of it.
    taken[i] = {int(n + cost), int(verified), int(expires), int(expires + (share > 0 and window or 0))}
  end
end
if #full > 1 then return full end
for i = 2, #KEYS do
  redis.call('HSET', KEYS[i], 'n', taken[i][1], 'verified', taken[i][2], 'expires', taken[i][3])
  redis.call('PEXPIREAT', KEYS[i], taken[i][4])
end
local expires = now + tonumber(ARGV[4])
if ARGV[6] == '1' then expires = math.min(expires, begun + tonumber(ARGV[5])) end
redis.call('HSET', challenge, 'context', ARGV[1], 'attempts', int(attempts), 'max', int(max), 'used', '0',
  'serial', int(serial + 1), 'sent', int(sent + 1), 'pending', '1', 'begun', int(begun),
  'before', c[7] or '', 'before_expires', c[8] or '0', 'code', ARGV[2], 'expires', int(expires))
redis.call('PEXPIREAT', challenge, int(now + tonumber(ARGV[7])))
return {1, serial + 1, expires - now, max - attempts}
