-- Guarantee: the reservation is over. What the store told of its bucket replaces what was known, less all that other
--   calls spent since this one took its points: they may have run after the store looked. So an answer that comes late
--   never says more than is there. Of a call whose end nobody knows, all that was reserved is spent.
-- KEYS: bucket open
-- ARGV: 1 now in ms, or ''  2 and 3 size and rate of an unknown bucket  4 how long a reservation holds in ms  5 id
--   then, if the store told: 6 size  7 rate  8 points left  9 points that the call spent
-- Returns: 1 if the call was open, else 0.
-- Crash: a script is applied whole or not at all. Repeated after a lost answer it finds the call closed, and then, as for
--   a call that was taken for dead, what is told may only lower what is known.
-- INCLUDE: clock
-- INCLUDE: bucket
local told = tonumber(ARGV[8])
if own then
  redis.call('ZREM', open, own.entry)
  local others = spent - own.before
  spend(tonumber(ARGV[9]) or own.cost)
  if told then available = told - others end
elseif told then
  available = math.min(available, told)
end
if told then maximum, rate = tonumber(ARGV[6]), tonumber(ARGV[7]) end
available = math.max(0, math.min(maximum, available))
save()
return own and 1 or 0
