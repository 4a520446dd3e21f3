-- Guarantee: shows the redrive tasks, the newest first, and the time.
-- KEYS: tasks
-- ARGV: 1 now in ms, or ''
-- Returns: now, then each task.
-- Crash: changes nothing.
-- INCLUDE: clock
local reply = redis.call('LRANGE', tasks, 0, -1)
table.insert(reply, 1, now)
return reply
