-- Messages with a group. `places` says of each where it belongs: its group, NUL, its order; and with its id behind it,
-- that is its member of `grouped`. `ring` holds the groups that receive looks at, by how much each was served; `busy`
-- says of a FIFO queue how many messages of a group are in flight, which block the others.
-- Needs: ready places grouped ring busy paused, and wake
local function group_of(place)
  return (string.match(place, '^[^%z]+'))
end

local function wake_if_waiting(group)
  local first = redis.call('ZRANGEBYLEX', grouped, '[' .. group .. '\0', '(' .. group .. '\1', 'LIMIT', 0, 1)
  if #first > 0 then wake(group) end
end

-- One more message of the group of a FIFO queue is in flight.
local function block(place)
  local group = group_of(place)
  redis.call('HINCRBY', busy, group, 1)
  redis.call('ZREM', ring, group)
end

-- One message of the group is not in flight any more.
local function unblock(place)
  local group = group_of(place)
  if redis.call('HEXISTS', busy, group) == 1 and redis.call('HINCRBY', busy, group, -1) < 1 then
    redis.call('HDEL', busy, group)
    wake_if_waiting(group)
  end
end

-- Makes messages visible that were hidden, each where it belongs.
local function show(ids, were_in_flight)
  local known, plain = {}, ids
  if redis.call('HLEN', places) > 0 then known, plain = redis.call('HMGET', places, unpack(ids)), {} end
  for i, id in ipairs(plain == ids and {} or ids) do
    if known[i] then
      redis.call('ZADD', grouped, 0, known[i] .. id)
      if were_in_flight then unblock(known[i]) end
      wake(group_of(known[i]))
    else
      plain[#plain + 1] = id
    end
  end
  if #plain > 0 then redis.call('RPUSH', ready, unpack(plain)) end
end
