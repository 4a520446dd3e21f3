-- Messages with a coalescing key. `folds` says which key a message has that was never received, and `coalesce` which
-- message has a key. Once received, a message keeps its place and is never replaced.
-- Needs: coalesce folds
local function unfold(id)
  local key = redis.call('HGET', folds, id)
  if not key then return end
  redis.call('HDEL', folds, id)
  if redis.call('HGET', coalesce, key) == id then redis.call('HDEL', coalesce, key) end
end
