-- Lets receive look at the group, unless it is paused or blocked. It counts as served a little more than the least
-- served of those who wait, so that it is among the next, and who comes back each time never overtakes who waits.
-- Needs: ring busy paused
local function wake(group)
  if redis.call('ZSCORE', ring, group) or redis.call('HEXISTS', busy, group) == 1
    or redis.call('SISMEMBER', paused, group) == 1 then return end
  redis.call('ZADD', ring, (redis.call('ZRANGE', ring, 0, 0, 'WITHSCORES')[2] or -0.5) + 0.5, group)
end
