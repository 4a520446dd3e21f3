-- Guarantee: each message of the batch is stored once and becomes visible now or after its delay. An id that is
--   stored already is left as it is and reported as sent, so a send whose answer was lost may be repeated. A message
--   whose deduplication id is inside its window is dropped; the id is recorded together with the message.
-- KEYS: 1 bodies  2 ready  3 delayed  4 aged  5 dedup
-- ARGV: 1 now in ms, or '' for the server's clock  2 deduplication window in ms
--   then five for each message: id, delay in ms, deduplication id or '', attributes as one line of JSON, body
-- Returns: for each message 1 if it was dropped as a duplicate, else 0.
-- Crash: a script is applied whole or not at all. Out of memory is refused at the first HSETNX, before any write,
--   which is why expired deduplication ids are removed last (at most 1,000 a call, more than a call can add).
local bodies, ready, delayed, aged, dedup = unpack(KEYS)
local now, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local replies, visible = {}, {}
for i = 3, #ARGV, 5 do
  local id, delay, dedup_id = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local recorded = dedup_id ~= '' and redis.call('ZSCORE', dedup, dedup_id)
  local duplicate = 0
  if recorded and tonumber(recorded) > now then
    duplicate = 1 - redis.call('HEXISTS', bodies, id)
  elseif redis.call('HSETNX', bodies, id, now .. '\n' .. ARGV[i + 3] .. '\n' .. ARGV[i + 4]) == 1 then
    if delay > 0 then
      redis.call('ZADD', delayed, now + delay, id)
      redis.call('ZADD', aged, now, id)
    else
      visible[#visible + 1] = id
    end
    if dedup_id ~= '' then
      redis.call('ZADD', dedup, now + window, dedup_id)
    end
  end
  replies[#replies + 1] = duplicate
end
if #visible > 0 then
  redis.call('RPUSH', ready, unpack(visible))
end

local expired = math.min(1000, redis.call('ZCOUNT', dedup, '-inf', now))
if expired > 0 then
  redis.call('ZREMRANGEBYRANK', dedup, 0, expired - 1)
end
return replies
