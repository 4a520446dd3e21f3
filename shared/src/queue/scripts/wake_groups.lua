-- Guarantee: receive looks at these groups, unless they are paused. It runs in one transaction with, and after, what puts
--   messages in them.
-- KEYS: ring busy paused
-- ARGV: groups (at most 500)
-- Returns: 1.
-- Crash: the transaction is applied whole or not at all. Out of memory is refused when it is announced, before it runs.
-- INCLUDE: wake
for _, group in ipairs(ARGV) do wake(group) end
return 1
