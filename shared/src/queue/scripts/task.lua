-- Guarantee: the newest redrive task is replaced, if it is still the expected one; or a new one is put before it. Ten
--   are kept.
-- KEYS: tasks
-- ARGV: 1 the newest as it is expected to be, or ''  2 what it becomes  3 1 to put a new one before it
-- Returns: 1 if so, 0 if the newest is another.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says 0.
local newest = redis.call('LINDEX', tasks, 0) or ''
if newest ~= ARGV[1] then return 0 end
if ARGV[3] == '1' then
  redis.call('LPUSH', tasks, ARGV[2])
  redis.call('LTRIM', tasks, 0, 9)
else
  redis.call('LSET', tasks, 0, ARGV[2])
end
return 1
