-- Begins a new filling: all of the board goes but the epochs, which rise, so that no owner of before can write to it.
--
-- KEYS[1] epochs, KEYS[2] the filling (a hash: number, state)
-- ARGV[1] number of the filling that the caller saw, ARGV[2] state of the new one, ARGV[3..] partitions
-- Returns the number of the new one, or -1 when somebody else has begun one.

local number = tonumber(redis.call('HGET', KEYS[2], 'number') or '0')
if number ~= tonumber(ARGV[1]) then
  return -1
end

for _, key in ipairs(redis.call('KEYS', 'shoplake:*')) do
  if key ~= KEYS[1] and key ~= KEYS[2] then
    redis.call('UNLINK', key)
  end
end
for i = 3, #ARGV do
  redis.call('HINCRBY', KEYS[1], ARGV[i], 1)
end
redis.call('HSET', KEYS[2], 'number', number + 1, 'state', ARGV[2])
return number + 1
