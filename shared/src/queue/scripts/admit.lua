-- Guarantee: ids that no message has yet are visible, and their bytes counted. It runs in one transaction with, and
--   before, the HSET that stores the bodies, which so never pass through Lua. An id that is there already is left where it
--   is, so a send whose answer was lost may be repeated; only its time of sending becomes that of the repeated one.
-- KEYS: bodies ready meta
-- ARGV: two for each message: id, bytes of the value (at most 500 messages)
-- Returns: how many are new.
-- Crash: the transaction is applied whole or not at all. Out of memory is refused when it is announced, before it runs.
-- INCLUDE: bytes
local visible, added = {}, 0
for i = 1, #ARGV, 2 do
  if redis.call('HEXISTS', bodies, ARGV[i]) == 0 then
    visible[#visible + 1], added = ARGV[i], added + ARGV[i + 1]
  end
end
if #visible > 0 then
  redis.call('RPUSH', ready, unpack(visible))
  weigh('bytes', added)
end
return #visible
