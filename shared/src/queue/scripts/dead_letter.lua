-- Guarantee: a message goes to the dead-letter queue with the given reason if, and only if, the receipt is of its
--   latest receive. A stale receipt changes nothing.
-- KEYS: ready bodies in_flight delayed receives snoozes errors aged dead dead_bodies places grouped ring busy paused meta
-- ARGV: 1 now in ms, or ''  2 most bytes of dead letters, 0: any  3 1 if the queue is FIFO  then three for each
--   receipt: id, receives, reason
-- Returns: for each receipt 1 if moved, 0 if stale, 2 if the dead letters' bytes are spent and the message is hidden.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says stale. ZREM comes first because
--   Redis allows it when out of memory, and then the rest.
-- INCLUDE: clock
-- INCLUDE: bytes
-- INCLUDE: wake
-- INCLUDE: groups
-- INCLUDE: dying
local replies = {}
for i = 4, #ARGV, 3 do
  local id, count, fate = ARGV[i], ARGV[i + 1], 0
  if redis.call('HGET', receives, id) == count then
    local place = redis.call('HGET', places, id)
    local value = redis.call('HGET', bodies, id)
    local counted = count - (redis.call('HGET', snoozes, id) or 0)
    local was_in_flight = redis.call('ZSCORE', in_flight, id)
    fate = die(id, value, count, counted, ARGV[i + 2], tonumber(ARGV[2]))
    if place and fate == 1 and was_in_flight then
      unblock(place)
    elseif place and fate == 2 and not was_in_flight and ARGV[3] == '1' then
      block(place)
    end
  end
  replies[#replies + 1] = fate
end
return replies
