-- Guarantee: a message is deleted if, and only if, the receipt is of its latest receive, even if its visibility
--   timeout has passed; but in a FIFO queue it must still be in flight. A stale receipt changes nothing.
-- KEYS: ready bodies in_flight delayed receives snoozes errors aged places grouped ring busy paused meta
-- ARGV: 1 now in ms, or ''  2 1 if the queue is FIFO  then three for each receipt: id, receives, bytes of the value
--   (at most 900 receipts)
-- Returns: for each receipt 1 if the message was deleted, 0 if the receipt is stale.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says stale. An id that was visible
--   again stays in ready without its body, and receive skips it. Nothing here needs memory but counts of known size.
-- INCLUDE: bytes
local function is_in_flight(id)
  -- INCLUDE: clock
  return tonumber(redis.call('ZSCORE', in_flight, id) or 0) > now
end
local ids, current, replies, seen, bytes, fifo = {}, {}, {}, {}, 0, ARGV[2] == '1'
for i = 3, #ARGV, 3 do ids[#ids + 1] = ARGV[i] end
local counts = redis.call('HMGET', receives, unpack(ids))
for i, id in ipairs(ids) do
  local latest = counts[i] == ARGV[3 * i + 1]
  if latest and fifo then latest = is_in_flight(id) end
  replies[i] = latest and 1 or 0
  if latest and not seen[id] then
    seen[id], current[#current + 1], bytes = true, id, bytes + ARGV[3 * i + 2]
  end
end
if #current == 0 then return replies end

redis.call('HDEL', bodies, unpack(current))
redis.call('HDEL', receives, unpack(current))
local flying = redis.call('ZREM', in_flight, unpack(current))
weigh('bytes', -bytes)
-- Most messages have no snoozes, errors, delay or age.
if redis.call('EXISTS', snoozes, errors, delayed, aged) > 0 then
  for _, key in ipairs({ snoozes, errors }) do
    if redis.call('HLEN', key) > 0 then redis.call('HDEL', key, unpack(current)) end
  end
  for _, key in ipairs({ delayed, aged }) do
    if redis.call('ZCARD', key) > 0 then redis.call('ZREM', key, unpack(current)) end
  end
end
if redis.call('EXISTS', places) == 0 then return replies end

-- INCLUDE: wake
-- INCLUDE: groups
-- Only who was visible again stands in `grouped`.
if fifo or flying < #current then
  for i, place in ipairs(redis.call('HMGET', places, unpack(current))) do
    if place then
      redis.call('ZREM', grouped, place .. current[i])
      if fifo then unblock(place) end
    end
  end
end
redis.call('HDEL', places, unpack(current))
return replies
