-- Opens partitions: raises their epochs, unless a rebuild holds the board. `checks.lua` is prepended.
--
-- KEYS[1] checkpoints, KEYS[2] epochs, KEYS[3] the rebuild (a hash: number, state)
-- ARGV[1] "1" if the caller is the rebuild that holds the board; ARGV[2..] partitions
-- Returns {"opened", epoch, next_offset, epoch, ...}, {"held"} or {"refused", ...}.

local refused = check_type(KEYS[1], 'hash') or check_type(KEYS[2], 'hash') or check_type(KEYS[3], 'hash')
  or check_access('HINCRBY', KEYS[2], 'p', '1')
for i = 2, #ARGV do
  refused = refused or check_integer(KEYS[1], ARGV[i]) or check_hash_sum(KEYS[2], ARGV[i], '1')
end
if refused then
  return refused
end

if redis.call('HGET', KEYS[3], 'state') == 'held' and ARGV[1] ~= '1' then
  return {'held'}
end

local answer = {'opened'}
for i = 2, #ARGV do
  table.insert(answer, redis.call('HINCRBY', KEYS[2], ARGV[i], 1))
  table.insert(answer, redis.call('HGET', KEYS[1], ARGV[i]) or '0')
end
return answer
