-- What `Scope::reserve` does. KEYS[1]: the scope's hash. ARGV: what is added to the clock, the lane, the other lane,
-- how far ahead, the slack, a start that was not used, if any. Gives: given (1 or 0), wait, now, granted; nothing if nobody has begun the scope.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local lane, other, ahead, slack = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local row = redis.call('HMGET', KEYS[1], lane .. '_next', other .. '_next', lane .. '_period', other .. '_period',
    'gap', 'granted', 'server')
for i = 1, 6 do
    row[i] = tonumber(row[i])
    if not row[i] then return false end
end
local next, others, period, others_period, gap, granted = row[1], row[2], row[3], row[4], row[5], row[6]

local unused = tonumber(ARGV[6])
if unused and next == unused + period then next = unused end

-- Where INFO is not allowed, a restart is told by the number of starts alone.
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''

local function known(at, period)
    local unknown = now + ahead + math.min(period, slack)
    if at > now + ahead + period + slack then return unknown end
    if server ~= row[7] then return math.max(at, unknown) end
    return at
end
next, others = known(next, period), known(others, others_period)

local start = math.max(next, now)
if start < others - others_period + gap then
    local phase = (start - others) % others_period
    if phase < gap then
        start = start + gap - phase
    elseif phase > others_period - gap then
        start = start + others_period - phase + gap
    end
end
local wait = start - now
local given = 0
if wait <= ahead then
    given, next, granted = 1, start + period, granted + 1
end
-- Not as Lua writes large numbers, which would round them.
redis.call('HSET', KEYS[1], lane .. '_next', string.format('%.0f', next), other .. '_next',
    string.format('%.0f', others), 'granted', string.format('%.0f', granted), 'server', server)
return { given, wait, now, granted }
