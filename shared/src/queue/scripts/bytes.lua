-- Counts bytes, of messages or of dead letters; none is no field, so that an empty queue leaves nothing behind.
-- Needs: meta
local function weigh(field, change)
  if redis.call('HINCRBY', meta, field, string.format('%.0f', change)) <= 0 then redis.call('HDEL', meta, field) end
end
