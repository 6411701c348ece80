-- Takes partitions over: raises their epochs, unless the board is held by a rebuild.
--
-- KEYS[1] checkpoints, KEYS[2] epochs, KEYS[3] the filling (a hash: number, state)
-- ARGV[1] "1" where the caller is the one that holds it; ARGV[2..] partitions
-- Returns {"opened", epoch, next_offset, epoch, ...} or {"held"}.

if redis.call('HGET', KEYS[3], 'state') == 'held' and ARGV[1] ~= '1' then
  return {'held'}
end

local answer = {'opened'}
for i = 2, #ARGV do
  table.insert(answer, redis.call('HINCRBY', KEYS[2], ARGV[i], 1))
  table.insert(answer, redis.call('HGET', KEYS[1], ARGV[i]) or '0')
end
return answer
