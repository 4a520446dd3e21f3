-- Guarantee: what open calls have reserved is never more than the bucket holds. A background call leaves half of the
--   bucket, or takes a full one, and waits while a foreground call was just told to; it leaves there too what other
--   background documents need that have waited for longer, so that they take turns; but once background calls have been
--   refused for so long, one goes by the rules of the foreground.
-- KEYS: bucket open waiting
-- ARGV: 1 now in ms, or ''  2 and 3 size and rate of an unknown bucket  4 how long the reservation holds in ms  5 id
--   6 points  7 1 if in the background  8 most open calls  9 after how many ms of refusals one background call goes
--   10 how long after its wait a refused foreground call is still expected, in ms  11 the document
--   12 how long after its wait a refused document keeps its turn, in ms
-- Returns: -1 if the points are reserved, else in how many ms there may be enough.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says the same of the same id. Whoever
--   dies after it holds the points until the reservation runs out.
-- INCLUDE: clock
-- INCLUDE: bucket
if own then return -1 end
local cost = math.min(tonumber(ARGV[6]), maximum)
local short = cost + reserved - available
local marks = redis.call('HMGET', bucket, 'refused_since', 'expected_until')
local refused_since, expected_until = tonumber(marks[1]), tonumber(marks[2] or 0)
local wait = 0

-- Since when the document waits, and what is needed by those that have waited for longer.
local background, since, ahead = ARGV[7] == '1', now, 0
if background then
  local turns = {}
  local entries = redis.call('HGETALL', waiting)
  for i = 1, #entries, 2 do
    local from, points, kept = string.match(entries[i + 1], '^(%S+) (%S+) (%S+)$')
    if tonumber(kept) < now or tonumber(from) > now then
      redis.call('HDEL', waiting, entries[i])
    else
      turns[entries[i]] = { from = tonumber(from), points = tonumber(points) }
    end
  end
  if turns[ARGV[11]] then since = turns[ARGV[11]].from end
  for _, turn in pairs(turns) do
    if turn.from < since then ahead = ahead + turn.points end
  end
end
local behind = background and not (refused_since and now - refused_since >= tonumber(ARGV[9]))
if behind then
  short = short + math.min(maximum / 2 + ahead, maximum - cost)
  -- Nobody is expected for longer than it takes to fill the bucket.
  local expected = expected_until - now
  if expected > 0 and expected <= maximum / rate * 1000 + ARGV[10] then wait = expected end
end
-- Less than this is an error of rounding.
if short < 0.001 and wait == 0 and calls < tonumber(ARGV[8]) then
  if background then
    redis.call('HDEL', bucket, 'refused_since')
    redis.call('HDEL', waiting, ARGV[11])
  end
  save()
  redis.call('ZADD', open, now + ARGV[4], string.format('%s %.17g %.17g', ARGV[5], cost, spent))
  return -1
end
save()
-- What is reserved comes back sooner than it is restored, mostly.
wait = math.ceil(math.max(wait, (short - reserved) / rate * 1000, 0))
if not background then
  redis.call('HSET', bucket, 'expected_until', now + wait + ARGV[10])
  return wait
end
redis.call('HSET', waiting, ARGV[11], string.format('%.17g %.17g %.17g', since, cost, now + wait + ARGV[12]))
if not refused_since or refused_since > now then redis.call('HSET', bucket, 'refused_since', now) end
return wait
