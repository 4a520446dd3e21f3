-- Guarantee: the named dead letters are visible in their source queue again: same id, time of sending, group,
--   attributes and body, and the receive count starts again. `receives` goes on from where it was, with as many snoozes,
--   so that no receipt of the former life is valid. A letter whose message was sent again meanwhile, under the same id,
--   is only removed: the message is there.
-- KEYS: ready bodies receives snoozes aged dead dead_bodies places grouped ring busy paused meta
-- ARGV: 1 bytes of values  then ids (at most 1,000)
-- Returns: for each id 1 if it was moved, 0 if it is not there, 2 if it was left because the bytes are spent.
-- Crash: a script is applied whole or not at all. A letter is moved, never copied, so repeating says it is not there.
--   HDEL comes first because Redis allows it when out of memory, and then the rest.
-- INCLUDE: bytes
-- INCLUDE: wake
-- INCLUDE: groups
local room, replies, moved = tonumber(ARGV[1]), {}, 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local letter, fate = redis.call('HGET', dead_bodies, id), 0
  if letter and moved > 0 and #letter > room then
    fate = 2
  elseif letter and redis.call('HEXISTS', bodies, id) == 1 then
    redis.call('HDEL', dead_bodies, id)
    redis.call('ZREM', dead, id)
    weigh('dead_bytes', -#letter)
    fate = 1
  elseif letter then
    local count, reason, place_size, start = string.match(letter, '^%d+ (%d+) %d+ (%d+) (%d+)\n()')
    local place = string.sub(letter, start + reason, start + reason + place_size - 1)
    local value = string.sub(letter, start + reason + place_size)
    redis.call('HDEL', dead_bodies, id)
    redis.call('ZREM', dead, id)
    redis.call('HSET', bodies, id, value)
    -- At least one, so that receive knows it for one that was sent back, and does not find it too old at once.
    count = math.max(1, count)
    redis.call('HSET', receives, id, count)
    redis.call('HSET', snoozes, id, count)
    redis.call('ZADD', aged, string.match(value, '^%d+'), id)
    if place ~= '' then redis.call('HSET', places, id, place) end
    show({ id }, false)
    weigh('bytes', #value)
    weigh('dead_bytes', -#letter)
    room, moved, fate = room - #letter, moved + 1, 1
  end
  replies[#replies + 1] = fate
end
return replies
