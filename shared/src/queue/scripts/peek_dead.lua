-- Guarantee: shows dead letters, the longest dead first, without changing them.
-- KEYS: 1 dlq:dead  2 dlq:bodies
-- ARGV: 1 offset  2 limit  3 bytes of values
-- Returns: offset of the next page or -1, then two for each dead letter: id, stored value.
-- Crash: changes nothing.
local offset, limit, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local reply = { -1 }
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], offset, offset + limit - 1)) do
  local value = redis.call('HGET', KEYS[2], id)
  if #reply > 1 and #value > room then break end
  room, offset = room - #value, offset + 1
  reply[#reply + 1] = id
  reply[#reply + 1] = value
end
if offset < redis.call('ZCARD', KEYS[1]) then reply[1] = offset end
return reply
