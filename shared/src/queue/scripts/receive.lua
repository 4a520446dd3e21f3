-- Guarantee: up to max visible messages are handed out, each hidden for the visibility timeout and counted, so that
--   no two consumers hold one message within it. Groups take turns, and messages without one are a group of their own:
--   who was served least is served first, and all who wait share the batch. In a FIFO queue a group that was served is
--   blocked. A message that is too old, or was handed out max receive count times already, goes to the dead-letter
--   queue instead, with the last error that was reported for it.
-- KEYS: ready bodies in_flight delayed receives snoozes errors aged dead dead_bodies places grouped ring busy paused coalesce folds meta
-- ARGV: 1 now in ms, or ''  2 visibility timeout in ms  3 max receive count  4 max (at most 500)  5 bytes of values
--   6 retention in ms  7 most bytes of dead letters, 0: any  8 1 if the queue is FIFO
-- Returns: now, ms until the next message becomes visible (-1: none is hidden; 0: ask again at once; only meaningful if
--   no message follows), then five for each message: id, receives, receives that count, group or '', value or
--   '' where it is left out, because they weigh much.
--   If nobody received them before: now, -2, then for each group or '' how many messages follow, and two for each of
--   these: id, value. And if they weigh much: now, -3, and the same with ids alone.
-- Crash: a script is applied whole or not at all; if its answer is lost, the messages reappear after the timeout.
--   Every write follows one that Redis allows when out of memory (ZREMRANGEBYRANK, LTRIM, ZREMRANGEBYLEX), so a full
--   queue drains.
-- INCLUDE: clock
local max, limit, oldest = tonumber(ARGV[4]), tonumber(ARGV[5]), now - ARGV[6]
-- Redis writes out every number it is given; a string is passed as it is.
local until_ms = string.format('%.0f', now + ARGV[2])

-- Most receives find only messages that nobody received before, and nothing but these: then this is all. The ids come
-- in lots, of one group each: how many, and unless they have none, where the group stood in the ring, the member of
-- `grouped` that is the last, and whether there are more.
local function peek_plain()
  local ids = redis.call('LRANGE', ready, 0, max - 1)
  local first = ids[1] and redis.call('HGET', bodies, ids[1])
  -- What nobody received before is there in the order of sending.
  if first and (string.match(first, '^%d+') or 0) - oldest >= 0 then return ids, { { group = '', size = #ids } } end
end

local function peek_groups()
  if ARGV[8] == '1' or redis.call('EXISTS', ready) == 1 then return end
  local waiting, ids, lots, hungry = redis.call('ZRANGE', ring, 0, max - 1, 'WITHSCORES'), {}, {}, false
  for i = 1, #waiting, 2 do
    local group, taken = waiting[i], #ids
    local share = math.ceil(2 * (max - taken) / (#waiting - i + 1))
    local members =
      redis.call('ZRANGEBYLEX', grouped, '[' .. group .. '\0', '(' .. group .. '\1', 'LIMIT', 0, share + 1)
    -- The order is the time of sending, less the head start; the first is the oldest.
    if not members[1] or tonumber(string.sub(members[1], -46, -33)) < oldest then return end
    local more, size = #members > share, math.min(#members, share)
    for n = 1, size do ids[taken + n] = string.sub(members[n], -32) end
    lots[#lots + 1] = { group = group, size = size, score = waiting[i + 1], last = members[size], more = more }
    hungry = hungry or more
  end
  -- Who has more may have what others leave, but that is not for here.
  if #ids == max or not hungry then return ids, lots end
end

-- Takes the lots from where they wait. A group whose every message was taken waits no longer.
local function take(lots)
  local served, done = {}, {}
  for _, lot in ipairs(lots) do
    if not lot.last then
      redis.call('LTRIM', ready, lot.size, -1)
    else
      redis.call('ZREMRANGEBYLEX', grouped, '[' .. lot.group .. '\0', '[' .. lot.last)
      if lot.more then
        served[#served + 1], served[#served + 2] = lot.score + lot.size, lot.group
      else
        done[#done + 1] = lot.group
      end
    end
  end
  if #done > 0 then redis.call('ZREM', ring, unpack(done)) end
  if #served > 0 then redis.call('ZADD', ring, unpack(served)) end
end

local function receive_new()
  if redis.call('EXISTS', delayed, paused, snoozes, coalesce) > 0 then return end
  local due = redis.call('ZRANGE', in_flight, 0, 0, 'WITHSCORES')[2]
  if due and tonumber(due) <= now then return end
  local ids, lots
  if redis.call('EXISTS', ring) == 0 then ids, lots = peek_plain() else ids, lots = peek_groups() end
  if not lots then return end
  -- Lua reads every byte of a string that it is given. More than this the client had better get without it.
  local whole = #ids * redis.call('HSTRLEN', bodies, ids[1]) <= 32768
  local counts = redis.call('HMGET', receives, unpack(ids))
  local values = whole and redis.call('HMGET', bodies, unpack(ids)) or {}
  local reply, r, hide, count, seen, bytes, i = { now, whole and -2 or -3 }, 2, {}, {}, {}, 0, 0
  for _, lot in ipairs(lots) do
    reply[r + 1], reply[r + 2] = lot.group, lot.size
    r = r + 2
    for _ = 1, lot.size do
      i = i + 1
      local id, value = ids[i], values[i]
      local size = value and #value or redis.call('HSTRLEN', bodies, id)
      bytes = bytes + size
      if size == 0 or counts[i] or seen[id] or bytes > limit then return end
      seen[id] = true
      hide[2 * i - 1], hide[2 * i], count[2 * i - 1], count[2 * i] = until_ms, id, id, '1'
      r = r + 1
      reply[r] = id
      if whole then
        r = r + 1
        reply[r] = value
      end
    end
  end
  take(lots)
  redis.call('ZADD', in_flight, unpack(hide))
  redis.call('HSET', receives, unpack(count))
  return reply
end
local new = receive_new()
if new then return new end

-- INCLUDE: bytes
-- INCLUDE: folds
-- INCLUDE: wake
-- INCLUDE: groups
-- INCLUDE: dying
local dead_budget, fifo = tonumber(ARGV[7]), ARGV[8] == '1'
if redis.call('SISMEMBER', paused, '') == 1 then return { now, -1 } end

for _, hidden in ipairs({ in_flight, delayed }) do
  local due = redis.call('ZRANGEBYSCORE', hidden, '-inf', now, 'LIMIT', 0, 1000)
  if #due > 0 then
    redis.call('ZREMRANGEBYRANK', hidden, 0, #due - 1)
    show(due, hidden == in_flight)
    -- Who timed out has lost the place that told its age. Whoever was handed back or delayed is known already.
    local known, room = redis.call('ZMSCORE', aged, unpack(due)), limit
    for i, id in ipairs(due) do
      local value = not known[i] and room > 0 and redis.call('HGET', bodies, id)
      if value then
        redis.call('ZADD', aged, string.sub(value, 1, 13), id)
        room = room - #value
      end
    end
  end
end

local found, size_of, group_of_id, is_young, bytes, full, touched = {}, {}, {}, {}, 0, false, false

-- Adds the messages that these ids stand for, until they weigh enough; says how many ids are done with. An id may linger
-- in ready after its message was deleted late, and the message be back under the same id since then.
local function read(ids, waiting)
  touched = true
  for i, id in ipairs(ids) do
    -- No value is empty.
    local size = redis.call('HSTRLEN', bodies, id)
    if size > 0 and not waiting[i] and not size_of[id] then
      if bytes > 0 and bytes + size > limit then
        full = true
        return i - 1
      end
      bytes = bytes + size
      size_of[id], found[#found + 1] = size, id
    end
  end
  return #ids
end

local function take_plain(share)
  local ids = redis.call('LRANGE', ready, 0, share - 1)
  if #ids == 0 then return 0, false end
  local waiting = redis.call('ZCARD', delayed) > 0 and redis.call('ZMSCORE', delayed, unpack(ids)) or {}
  local done = read(ids, waiting)
  redis.call('LTRIM', ready, done, -1)
  return done, redis.call('LLEN', ready) > 0
end

local function take_grouped(group, share)
  local first = '[' .. group .. '\0'
  local members = redis.call('ZRANGEBYLEX', grouped, first, '(' .. group .. '\1', 'LIMIT', 0, share + 1)
  local more, ids = #members > share, {}
  -- Outside of FIFO queues the order is the time of sending, less the head start; the first is the oldest.
  local young = not fifo and members[1] and tonumber(string.sub(members[1], -46, -33)) >= oldest
  for i = 1, math.min(#members, share) do
    local id = string.sub(members[i], -32)
    ids[i], group_of_id[id], is_young[id] = id, group, young
  end
  local done = read(ids, {})
  if done > 0 then redis.call('ZREMRANGEBYLEX', grouped, first, '[' .. members[done]) end
  if fifo and done > 0 then return done, false end
  return done, more or done < #ids
end

-- Serves a group, and says whether it has more.
local function serve(group, share)
  local done, more
  if group == '' then done, more = take_plain(share) else done, more = take_grouped(group, share) end
  if not more then redis.call('ZREM', ring, group) elseif done > 0 then redis.call('ZINCRBY', ring, done, group) end
  return more
end

if redis.call('ZCARD', ring) == 0 then
  take_plain(max)
else
  if redis.call('LLEN', ready) > 0 then wake('') end
  local groups, hungry = redis.call('ZRANGE', ring, 0, max - 1), {}
  for i, group in ipairs(groups) do
    if full or #found >= max then break end
    if serve(group, math.ceil((max - #found) / (#groups - i + 1))) then hungry[#hungry + 1] = group end
  end
  for _, group in ipairs(hungry) do
    if full or #found >= max then break end
    serve(group, max - #found)
  end
end

if #found == 0 then
  if touched then return { now, 0 } end
  local first = math.huge
  for _, hidden in ipairs({ in_flight, delayed }) do
    first = math.min(first, tonumber(redis.call('ZRANGE', hidden, 0, 0, 'WITHSCORES')[2] or 'inf'))
  end
  return { now, first == math.huge and -1 or first - now }
end

local counts = redis.call('HMGET', receives, unpack(found))
local uncounted = redis.call('HLEN', snoozes) > 0 and redis.call('HMGET', snoozes, unpack(found)) or {}
local values = bytes <= 32768 and redis.call('HMGET', bodies, unpack(found)) or {}
local folding = redis.call('HLEN', folds) > 0
local max_receives = tonumber(ARGV[3])
local reply, hide, count, died = { now, 0 }, {}, {}, {}

-- A send that arrived late, or what lingers in ready, may name a message that somebody holds.
local function is_hidden(id)
  return redis.call('ZSCORE', in_flight, id) or redis.call('ZSCORE', delayed, id)
end

-- What was sent back from the dead letters, or only snoozed so far, is handed out once whatever its age.
local function is_expired(i, id, receive, counted)
  if is_young[id] or receive > 1 and counted == 1 then return false end
  values[i] = values[i] or redis.call('HGET', bodies, id)
  return tonumber(string.sub(values[i], 1, 13)) < oldest
end

local function hand_out(i, id)
  local receive, group = tonumber(counts[i] or 0) + 1, group_of_id[id]
  local counted = receive - (uncounted[i] or 0)
  if folding and group then unfold(id) end
  local reason = is_expired(i, id, receive, counted) and 'expired'
    or counted > max_receives and 'max receive count exceeded'
  if reason then
    local err = redis.call('HGET', errors, id)
    local value = values[i] or redis.call('HGET', bodies, id)
    local fate = die(id, value, receive - 1, counted - 1, reason .. (err and ': ' .. err or ''), dead_budget)
    if fifo then died[group] = true end
    if fate == 2 and fifo then redis.call('HINCRBY', busy, group, 1) end
  else
    local n, r = #hide, #reply
    hide[n + 1], hide[n + 2] = until_ms, id
    count[n + 1], count[n + 2] = id, counts[i] and receive or '1'
    reply[r + 1], reply[r + 2], reply[r + 3], reply[r + 4], reply[r + 5] = id, receive, counted, group or '', values[i] or ''
    if fifo then redis.call('HINCRBY', busy, group, 1) end
  end
end

for i, id in ipairs(found) do
  if not (counts[i] and is_hidden(id)) then hand_out(i, id) end
end
if #hide > 0 then
  redis.call('ZADD', in_flight, unpack(hide))
  redis.call('HSET', receives, unpack(count))
end
for group in pairs(died) do wake_if_waiting(group) end
return reply
