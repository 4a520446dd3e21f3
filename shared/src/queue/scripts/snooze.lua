-- Guarantee: a message that is in flight under this receipt waits among the delayed ones for the given time, and the
--   receive does not count. `receives` itself never goes down, so no older receipt becomes valid again. A receipt that
--   is stale, or whose message is not in flight any more, changes nothing. In a FIFO queue the message stays in flight,
--   so that its group stays blocked, and counts as received once more, so that the receipt is stale.
-- KEYS: receives in_flight delayed snoozes aged
-- ARGV: 1 now in ms, or ''  2 1 if the queue is FIFO  then four for each receipt: id, receives, when the message was sent in ms, delay in ms
-- Returns: for each receipt 1 if snoozed, 0 if stale.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says stale, so nothing is uncounted
--   twice. ZREM comes first because Redis allows it when out of memory, and then the rest.
-- INCLUDE: clock
local fifo = ARGV[2] == '1'
local hidden = fifo and in_flight or delayed
local replies = {}
for i = 3, #ARGV, 4 do
  local id, snoozed = ARGV[i], 0
  if redis.call('HGET', receives, id) == ARGV[i + 1] and redis.call('ZREM', in_flight, id) == 1 then
    redis.call('ZADD', hidden, now + ARGV[i + 3], id)
    redis.call('HINCRBY', snoozes, id, fifo and 2 or 1)
    if fifo then redis.call('HINCRBY', receives, id, 1) end
    redis.call('ZADD', aged, ARGV[i + 2], id)
    snoozed = 1
  end
  replies[#replies + 1] = snoozed
end
return replies
