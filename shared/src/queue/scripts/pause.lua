-- Guarantee: from now on no message of the group, or of the queue if the group is '', is received; or they are again.
--   What is in flight is not touched.
-- KEYS: ring grouped busy paused
-- ARGV: 1 the group, or ''  2 1 to pause, 0 to resume
-- Returns: 1 if that changed anything, else 0.
-- Crash: a script is applied whole or not at all, and repeating it is harmless.
-- INCLUDE: wake
-- INCLUDE: groups
local group = ARGV[1]
if ARGV[2] == '1' then
  local changed = redis.call('SADD', paused, group)
  if group ~= '' then redis.call('ZREM', ring, group) end
  return changed
end
local changed = redis.call('SREM', paused, group)
if group ~= '' then wake_if_waiting(group) end
return changed
