-- KEYS: the challenge, then counts. ARGV: serial, whether it was accepted; then of each count what is given back, and
-- when its window ends at the latest, or -1.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function int(n) return string.format('%.0f', n) end
local challenge, serial, accepted = KEYS[1], tonumber(ARGV[1]), ARGV[2] == '1'
local c = redis.call('HMGET', challenge, 'serial', 'pending', 'before', 'before_expires', 'sent')
if c[1] then
  local newest = tonumber(c[1])
  if newest == serial and c[2] == '1' then
    redis.call('HSET', challenge, 'pending', '0')
    if accepted then
      redis.call('HSET', challenge, 'before_expires', '0')
    else
      redis.call('HSET', challenge, 'code', c[3], 'expires', c[4], 'before', '', 'before_expires', '0',
        'sent', int(tonumber(c[5]) - 1))
    end
  elseif newest == serial + 1 and not accepted and c[3] ~= '' then
    redis.call('HSET', challenge, 'before', '', 'before_expires', '0', 'sent', int(tonumber(c[5]) - 1))
  end
end
for i = 2, #KEYS do
  local h = redis.call('HMGET', KEYS[i], 'n', 'expires')
  if h[1] and tonumber(h[2]) > now then
    local at = 3 + (i - 2) * 2
    redis.call('HSET', KEYS[i], 'n', int(math.max(tonumber(h[1]) - tonumber(ARGV[at]), 0)))
    local ends = tonumber(ARGV[at + 1])
    if ends >= 0 and now + ends < tonumber(h[2]) then
      redis.call('HSET', KEYS[i], 'expires', int(now + ends))
      redis.call('PEXPIREAT', KEYS[i], int(now + ends))
    end
  end
end
