-- Makes a message a dead letter: a line of numbers (now, receives, receives that count, length of the reason, length
-- of the place), then the reason, the place and the value as it was. Says 2, and only hides it for a quarter of an hour,
-- if the dead letters' bytes are spent: nothing is ever dropped. Wherever it was, it is there no more.
-- Needs: bodies receives snoozes errors in_flight delayed aged dead dead_bodies places grouped meta
local function die(id, value, receives_so_far, counted, reason, budget)
  local place = redis.call('HGET', places, id) or ''
  local head = table.concat({ now, receives_so_far, counted, #reason, #place }, ' ')
  local letter = head .. '\n' .. reason .. place .. value
  redis.call('ZREM', in_flight, id)
  redis.call('ZREM', delayed, id)
  if place ~= '' then redis.call('ZREM', grouped, place .. id) end
  if budget > 0 and tonumber(redis.call('HGET', meta, 'dead_bytes') or 0) + #letter > budget then
    redis.call('ZADD', in_flight, now + 900000, id)
    return 2
  end
  for _, key in ipairs({ bodies, receives, snoozes, errors, places }) do redis.call('HDEL', key, id) end
  redis.call('ZREM', aged, id)
  redis.call('ZADD', dead, now, id)
  redis.call('HSET', dead_bodies, id, letter)
  weigh('bytes', -#value)
  weigh('dead_bytes', #letter)
  return 1
end
