-- Guarantee: each message of the batch is stored once and becomes visible now or after its delay. An id that is
--   stored already is left as it is and reported as sent, so a send whose answer was lost may be repeated. A message
--   whose deduplication id is inside its window is dropped; the id is recorded together with the message. A message
--   with a coalescing key replaces the waiting one with that key that was never received, if it is not older, and takes
--   its place and age; an older one is dropped. Either way the note of the superseded one is kept with the other.
-- KEYS: bodies ready delayed aged dedup receives places grouped ring busy paused coalesce folds meta
-- ARGV: 1 now in ms, or ''  2 deduplication window in ms  3 most bytes of all messages, 0: any  4 1 if the queue is FIFO
--   then three for each message: id, options, value. Options are '' or five lines: delay in ms, deduplication id, group,
--   head start in ms, coalescing key.
-- Returns: for each message 0 if sent, 1 if dropped as a duplicate, 2 if superseded; or, if the bytes are spent and
--   nothing was sent, how many bytes are there.
-- Crash: a script is applied whole or not at all. Out of memory is refused at the first HSETNX, before any write,
--   which is why expired deduplication ids are removed last (at most 1,000 a call, more than a call can add).
-- INCLUDE: clock
-- INCLUDE: bytes
-- INCLUDE: wake
-- INCLUDE: groups
local window, budget, fifo = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local added = 0
if budget > 0 then
  for i = 5, #ARGV, 3 do added = added + #ARGV[i + 2] end
  local bytes = tonumber(redis.call('HGET', meta, 'bytes') or 0)
  if bytes + added > budget then return bytes end
  added = 0
end
local visible, placed, members, woken = {}, {}, {}, {}

local function store(id, value)
  if redis.call('HSETNX', bodies, id, value) == 0 then return false end
  added = added + #value
  return true
end

-- The other message with the same coalescing key, if it may still change: its id, value, fold line and order.
local function waiting_with(key, id)
  local other = redis.call('HGET', coalesce, key)
  local value = other and other ~= id and redis.call('HGET', bodies, other)
  if not value or redis.call('HEXISTS', receives, other) == 1 then return end
  local fold, order = string.match(value, '^%d+\n[^\n]*\n(%S+ (%d+) [^\n]*)\n')
  local _, notes = string.gsub(fold, '\t', '')
  if notes < 100 then return other, value, fold, tonumber(order) end
end

-- Puts a message where another waits, visible or delayed.
local function replace(other, id)
  local place = redis.call('HGET', places, other)
  redis.call('HDEL', bodies, other)
  redis.call('HDEL', places, other)
  redis.call('HDEL', folds, other)
  redis.call('HSET', places, id, place)
  if redis.call('ZREM', grouped, place .. other) == 1 then redis.call('ZADD', grouped, 0, place .. id) end
  for _, key in ipairs({ delayed, aged }) do
    local score = redis.call('ZSCORE', key, other)
    if score then
      redis.call('ZREM', key, other)
      redis.call('ZADD', key, score, id)
    end
  end
end

local function send(id, options, value)
  local option = {}
  for line in string.gmatch(options .. '\n', '([^\n]*)\n') do option[#option + 1] = line end
  local delay, dedup_id, group, ahead, key = unpack(option)
  if dedup_id ~= '' then
    local recorded = redis.call('ZSCORE', dedup, dedup_id)
    if recorded and tonumber(recorded) > now then return 1 - redis.call('HEXISTS', bodies, id) end
    if redis.call('HEXISTS', bodies, id) == 1 then return 0 end
  end
  local reply = 0
  local other, their_value, their_fold, their_order
  if key ~= '' then other, their_value, their_fold, their_order = waiting_with(key, id) end
  if other then
    local attributes, order, note, body = string.match(value, '^%d+\n([^\n]*\n)%S+ (%d+) ([^\n]*)(\n.*)$')
    if tonumber(order) < their_order then
      if redis.call('HEXISTS', bodies, id) == 1 then return 0 end
      local head, rest = string.match(their_value, '^(%d+\n[^\n]*\n)[^\n]*(\n.*)$')
      redis.call('HSET', bodies, other, head .. their_fold .. '\t' .. note .. rest)
      added, reply = added + #note + 1, 2
    else
      local their_note, their_notes = string.match(their_fold, '^%S+ %d+ ([^\t]*)(.*)$')
      local fold = table.concat({ key, ' ', order, ' ', note, their_notes, '\t', their_note })
      local sent = string.match(their_value, '^%d+\n')
      if not store(id, sent .. attributes .. fold .. body) then return 0 end
      replace(other, id)
      redis.call('HSET', coalesce, key, id)
      redis.call('HSET', folds, id, key)
      added, reply = added - #their_value, 3
    end
  end
  if reply == 0 then
    if not store(id, value) then return 0 end
    local place
    if group ~= '' then
      local turn = fifo and redis.call('HINCRBY', meta, 'turn', 1) or string.sub(value, 1, 13) - ahead
      place = group .. '\0' .. string.format('%014.0f', turn)
      placed[#placed + 1], placed[#placed + 2] = id, place
      if key ~= '' then
        redis.call('HSET', coalesce, key, id)
        redis.call('HSET', folds, id, key)
      end
    end
    if tonumber(delay) > 0 then
      redis.call('ZADD', delayed, now + delay, id)
      redis.call('ZADD', aged, now, id)
    elseif place then
      members[#members + 1], members[#members + 2], woken[group] = 0, place .. id, true
    else
      visible[#visible + 1] = id
    end
  end
  if dedup_id ~= '' then redis.call('ZADD', dedup, now + window, dedup_id) end
  return reply % 3
end

-- What later messages of the batch must find.
local function flush()
  if #visible > 0 then redis.call('RPUSH', ready, unpack(visible)) end
  if #placed > 0 then redis.call('HSET', places, unpack(placed)) end
  if #members > 0 then redis.call('ZADD', grouped, unpack(members)) end
  for group in pairs(woken) do wake(group) end
  visible, placed, members, woken = {}, {}, {}, {}
end

local replies = {}
for i = 5, #ARGV, 3 do
  local id, options, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if options == '' then
    if store(id, value) then visible[#visible + 1] = id end
    replies[#replies + 1] = 0
  else
    -- A coalescing key ends the options; the message that waits with it may be one of this batch.
    if string.sub(options, -1) ~= '\n' then flush() end
    replies[#replies + 1] = send(id, options, value)
  end
end
flush()
if added ~= 0 then weigh('bytes', added) end

local expired = math.min(1000, redis.call('ZCOUNT', dedup, '-inf', now))
if expired > 0 then
  redis.call('ZREMRANGEBYRANK', dedup, 0, expired - 1)
end
return replies
