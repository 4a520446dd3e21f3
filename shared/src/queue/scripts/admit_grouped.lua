-- Guarantee: as admit.lua, for messages of which some have a group: these are put in their places, and their groups woken.
-- KEYS: bodies ready places grouped ring busy paused meta
-- ARGV: 1 now in ms, or ''  then four for each message: id, bytes of the value, group or '', head start in ms (at most 500
--   messages)
-- Returns: how many are new.
-- Crash: see admit.lua.
-- INCLUDE: clock
-- INCLUDE: bytes
-- INCLUDE: groups
local visible, placed, members, woken, added, new = {}, {}, {}, {}, 0, 0
for i = 2, #ARGV, 4 do
  local id, group = ARGV[i], ARGV[i + 2]
  if redis.call('HEXISTS', bodies, id) == 0 then
    added, new = added + ARGV[i + 1], new + 1
    if group == '' then
      visible[#visible + 1] = id
    else
      local place = group .. '\0' .. string.format('%014.0f', now - ARGV[i + 3])
      placed[#placed + 1], placed[#placed + 2] = id, place
      members[#members + 1], members[#members + 2], woken[group] = '0', place .. id, true
    end
  end
end
if #visible > 0 then redis.call('RPUSH', ready, unpack(visible)) end
if #placed > 0 then
  redis.call('HSET', places, unpack(placed))
  redis.call('ZADD', grouped, unpack(members))
  for group in pairs(woken) do wake(group) end
end
if added > 0 then weigh('bytes', added) end
return new
