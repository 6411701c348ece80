-- Starts a rebuild: deletes the board and raises the epochs, so that no earlier owner can write to it.
-- It has to work on a damaged board too, because a rebuild repairs it. `checks.lua` is prepended.
--
-- KEYS[1] epochs, KEYS[2] the rebuild (a hash: number, state)
-- ARGV[1] number of the rebuild that the caller saw, ARGV[2] state of the new one, ARGV[3..] partitions
-- Returns the number of the new rebuild, -1 if another process has started one, or {"refused", ...}.

local refused = check_access('UNLINK', KEYS[1]) or check_access('HINCRBY', KEYS[1], 'p', '1')
  or check_access('HSET', KEYS[2], 'state', '1')
local found = redis.call('KEYS', 'shoplake:*')
for _, key in ipairs(found) do
  refused = refused or check_access('UNLINK', key)
end
if refused then
  return refused
end

local number = 0
if not check_type(KEYS[2], 'hash') and not check_integer(KEYS[2], 'number') then
  number = tonumber(redis.call('HGET', KEYS[2], 'number') or '0')
end
if number ~= tonumber(ARGV[1]) then
  return -1
end

-- An epoch that cannot be read starts again at the clock's seconds, which are above every count of owners.
local now = redis.call('TIME')[1]
local kept = not check_type(KEYS[1], 'hash')
for _, key in ipairs(found) do
  if key ~= KEYS[1] or not kept then
    redis.call('UNLINK', key)
  end
end
for i = 3, #ARGV do
  if not kept or check_hash_sum(KEYS[1], ARGV[i], '1') then
    redis.call('HSET', KEYS[1], ARGV[i], now)
  end
  redis.call('HINCRBY', KEYS[1], ARGV[i], 1)
end
redis.call('HSET', KEYS[2], 'number', string.format('%.0f', number + 1), 'state', ARGV[2])
return number + 1
