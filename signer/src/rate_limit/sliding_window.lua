-- `window.rs` in Redis: the same arithmetic, atomic for all signers that share it.
--
-- KEYS[1]  a sorted set of one caller's calls: the score is when, in milliseconds, the member `<first unit>:<cost>`,
--          with zeros in front so that members of one millisecond sort as they came
-- ARGV     limit, window in milliseconds, cost, and for tests a time to take instead of Redis' own
-- returns  admitted (1 or 0), used, reset, retry
local key, limit, window, cost = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

-- When the call of this rank was, the number of its first unit, and what it cost; nil if there is none.
local function call(rank)
  local found = redis.call('ZRANGE', key, rank, rank, 'WITHSCORES')
  if not found[1] then return nil end
  local first, units = string.match(found[1], '^(%d+):(%d+)$')
  return tonumber(found[2]), tonumber(first), tonumber(units)
end

local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A clock that was set back by more than a moment must not stop a caller for as long: what it counted is forgotten.
local last = call(-1)
if last and last - now > 1000 then redis.call('DEL', key) end
if last and last > now and last - now <= 1000 then now = last end

redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
local oldest, base = call(0)
local _, first, units = call(-1)
local next = oldest and first + units or 0
local used = oldest and next - base or 0

if used + cost <= limit then
  redis.call('ZADD', key, now, string.format('%016d:%d', next, cost))
  redis.call('PEXPIRE', key, window)
  return { 1, used + cost, (oldest or now) + window - now, 0 }
end

-- The call with which enough units will have left: the last whose first unit is among them.
local leaving, low, high = used + cost - limit, 0, redis.call('ZCARD', key)
while low < high do
  local middle = math.floor((low + high) / 2)
  local _, at_first = call(middle)
  if at_first < base + leaving then low = middle + 1 else high = middle end
end
local until_fit = low > 0 and call(low - 1) + window - now or 0
return { 0, used, oldest and oldest + window - now or 0, until_fit }
