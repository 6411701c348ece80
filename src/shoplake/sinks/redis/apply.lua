-- Applies one batch to the live board, all of it or nothing. `checks.lua` is prepended.
--
-- KEYS[1] checkpoints, KEYS[2] epochs (hashes by "<topic>-<partition>")
-- ARGV[1] msgpack: { ranges = { {partition, start, stop, epoch}... },
--                    hashes = { {key, {field, amount, ...}}... }, sorted_sets = { same } }; each field occurs once
-- Numbers are passed as strings: Lua's numbers are doubles and would print 1e+15.
-- Returns {"applied"}, {"fenced", partition, epoch}, {"moved", partition, next_offset} or {"refused", ...}.

local batch = cmsgpack.unpack(ARGV[1])

local refused = check_type(KEYS[1], 'hash') or check_type(KEYS[2], 'hash') or check_access('HSET', KEYS[1], 'p', '1')
if refused then
  return refused
end

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
  refused = check_access('HINCRBY', key, 'f', '1') or check_type(key, 'hash')
  for i = 1, #changes, 2 do
    refused = refused or check_hash_sum(key, changes[i], changes[i + 1])
  end
  if refused then
    return refused
  end
end
for _, set in ipairs(batch.sorted_sets) do
  local key, changes = set[1], set[2]
  refused = check_access('ZINCRBY', key, '1', 'm') or check_type(key, 'zset')
  for i = 1, #changes, 2 do
    refused = refused or check_score_sum(key, changes[i], changes[i + 1])
  end
  if refused then
    return refused
  end
end

-- All checks have passed: from here on no command fails.
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
