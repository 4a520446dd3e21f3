-- Guarantee: shows messages without receiving them: first the visible ones in their order, then those of groups, group
--   by group, then those in flight, then the delayed ones, by the time they become visible. While others receive, a
--   page may miss a message or repeat one.
-- KEYS: ready grouped in_flight delayed bodies receives snoozes errors places
-- ARGV: 1 now in ms, or ''  2 offset  3 limit  4 bytes of values
-- Returns: offset of the next page or -1, then seven for each message: id, 0 visible / 1 in flight / 2 delayed, ms
--   until visible, receives that count, last error or '', group and order or '', stored value.
-- Crash: changes nothing.
-- INCLUDE: clock
local offset, limit, room = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lists = { ready, grouped, in_flight, delayed }
local sizes = { redis.call('LLEN', ready) }
for place = 2, 4 do sizes[place] = redis.call('ZCARD', lists[place]) end
local all = sizes[1] + sizes[2] + sizes[3] + sizes[4]
local at, reply, shown = offset, { -1 }, {}
for place = 1, 4 do
  local skip = math.min(offset, sizes[place])
  local last, step, entries = skip + limit - 1, place > 2 and 2 or 1, nil
  if place == 1 then
    entries = redis.call('LRANGE', ready, skip, last)
  elseif place == 2 then
    entries = redis.call('ZRANGE', grouped, skip, last)
  else
    entries = redis.call('ZRANGE', lists[place], skip, last, 'WITHSCORES')
  end
  for i = 1, #entries, step do
    local id, left = string.sub(entries[i], -32), step == 2 and math.max(0, entries[i + 1] - now) or 0
    local value = redis.call('HGET', bodies, id)
    -- An id may linger in ready while its message is elsewhere.
    local elsewhere = shown[id]
      or place == 1 and (redis.call('ZSCORE', in_flight, id) or redis.call('ZSCORE', delayed, id))
    if value and not elsewhere then
      if #reply > 1 and #value > room then reply[1] = at return reply end
      room, shown[id] = room - #value, true
      local counted = (redis.call('HGET', receives, id) or 0) - (redis.call('HGET', snoozes, id) or 0)
      local state, err = left > 0 and place - 2 or 0, redis.call('HGET', errors, id) or ''
      local belongs = redis.call('HGET', places, id) or ''
      for _, item in ipairs({ id, state, left, counted, err, belongs, value }) do reply[#reply + 1] = item end
    end
    at, limit = at + 1, limit - 1
  end
  if limit == 0 then break end
  offset = offset - skip
end
if at < all then reply[1] = at end
return reply
