-- The moment of the call, in ms: ARGV[1], or the server's own clock if that is empty.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
