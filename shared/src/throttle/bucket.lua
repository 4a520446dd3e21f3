-- The bucket as it is now: what was told, less what was spent since, and restored since, at most full; and what the open
-- calls have reserved of it. A reservation that has run out is a call whose end nobody knows: it cost all it reserved.
-- A clock that went back restores nothing, and no reservation outlives it by more than it may.
-- Needs: bucket open now. Takes: ARGV[2] and ARGV[3], the size and the rate of a bucket of which nobody was told;
--   ARGV[4], how long a reservation holds in ms; ARGV[5], the id of the call, which is left alone.
local found = redis.call('HMGET', bucket, 'maximum', 'rate', 'available', 'at', 'spent')
local maximum, rate = tonumber(found[1] or ARGV[2]), tonumber(found[2] or ARGV[3])
local elapsed = math.max(0, now - tonumber(found[4] or now))
local available = math.min(maximum, tonumber(found[3] or maximum) + rate * elapsed / 1000)
local spent, reserved, calls, own = tonumber(found[5] or 0), 0, 0, nil

local function spend(points)
  available, spent = math.max(0, available - points), spent + points
end

local function save()
  redis.call('HSET', bucket, 'maximum', maximum, 'rate', rate, 'available', available, 'at', now, 'spent', spent)
end

local entries = redis.call('ZRANGE', open, 0, -1, 'WITHSCORES')
for i = 1, #entries, 2 do
  local id, cost, before = string.match(entries[i], '^(%S+) (%S+) (%S+)$')
  local left = tonumber(entries[i + 1]) - now
  if id == ARGV[5] then
    own = { entry = entries[i], cost = tonumber(cost), before = tonumber(before) }
  elseif left <= 0 or left > tonumber(ARGV[4]) then
    redis.call('ZREM', open, entries[i])
    spend(tonumber(cost))
  else
    reserved, calls = reserved + cost, calls + 1
  end
end
