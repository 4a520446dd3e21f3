-- Guarantee: shows dead letters, the longest dead first, without changing them.
-- KEYS: dead dead_bodies
-- ARGV: 1 offset, or '' to start behind a letter  2 limit  3 bytes of values  4 id of that letter  5 when it died in ms
-- Returns: offset of the next page or -1, then two for each dead letter: id, stored value. Behind a letter that is gone,
--   those that died in the same ms are shown once more.
-- Crash: changes nothing.
local offset, limit, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not offset then
  local rank = redis.call('ZRANK', dead, ARGV[4])
  offset = rank and rank + 1 or redis.call('ZCOUNT', dead, '-inf', '(' .. ARGV[5])
end
local reply = { -1 }
for _, id in ipairs(redis.call('ZRANGE', dead, offset, offset + limit - 1)) do
  local value = redis.call('HGET', dead_bodies, id)
  if #reply > 1 and #value > room then break end
  room, offset = room - #value, offset + 1
  reply[#reply + 1] = id
  reply[#reply + 1] = value
end
if offset < redis.call('ZCARD', dead) then reply[1] = offset end
return reply
