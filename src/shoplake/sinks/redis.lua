-- Applies one batch to the live board: all of it or nothing, since a script runs alone and checks before it writes.
--
-- KEYS[1] checkpoints, KEYS[2] epochs (hashes by "<topic>-<partition>")
-- ARGV[1] msgpack: { ranges = { {partition, start, stop, epoch}... },
--                    hashes = { {key, {field, amount, ...}}... }, sorted_sets = { same } }
-- Numbers travel as strings: Lua's are doubles and would print 1e+15.
-- Returns {"applied"}, {"fenced", partition, epoch} or {"moved", partition, next_offset}.

local batch = cmsgpack.unpack(ARGV[1])

for _, range in ipairs(batch.ranges) do
  local partition, start, _, epoch = unpack(range)
  local holder = redis.call('HGET', KEYS[2], partition) or '0'
  if holder ~= epoch then
    return {'fenced', partition, holder}
  end
  local done = redis.call('HGET', KEYS[1], partition) or '0'
  if done ~= start then
    return {'moved', partition, done}
  end
end

for _, hash in ipairs(batch.hashes) do
  local key, changes = hash[1], hash[2]
  for i = 1, #changes, 2 do
    redis.call('HINCRBY', key, changes[i], changes[i + 1])
  end
end
for _, set in ipairs(batch.sorted_sets) do
  local key, changes = set[1], set[2]
  for i = 1, #changes, 2 do
    redis.call('ZINCRBY', key, changes[i + 1], changes[i])
  end
end
for _, range in ipairs(batch.ranges) do
  redis.call('HSET', KEYS[1], range[1], range[3])
end
return {'applied'}
