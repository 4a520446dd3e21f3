-- Guarantee: the reservation is over. What the store told of its bucket replaces what was known, less all that other
--   calls spent since this one took its points: they may have run after the store looked. So an answer that comes late
--   never says more than is there.
-- KEYS: bucket open waiting
-- ARGV: 1 now in ms, or ''  2 and 3 size and rate of an unknown bucket  4 how long a reservation holds in ms  5 id
--   6 points that the call spent  then, if the store told: 7 size  8 rate  9 points left
-- Returns: 1 if the call was open, else 0.
-- Crash: a script is applied whole or not at all. Repeated after a lost answer it finds the call closed, and then, as for
--   a call that was taken for dead, what is told may only lower what is known.
-- INCLUDE: clock
-- INCLUDE: bucket
local told = tonumber(ARGV[9])
if own then
  redis.call('ZREM', open, own.entry)
  local others = spent - own.before
  spend(tonumber(ARGV[6]))
  if told then available = told - others end
elseif told then
  available = math.min(available, told)
end
if told then maximum, rate = tonumber(ARGV[7]), tonumber(ARGV[8]) end
available = math.max(0, math.min(maximum, available))
save()
return own and 1 or 0
