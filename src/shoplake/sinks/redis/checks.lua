-- Checks before the first write: they find what a command would refuse. Prepended to the scripts that write.
--
-- Redis does not roll back a script: if one of its commands fails, the effects of earlier commands stay. Each check
-- returns nil, or the answer {"refused", reason, key, field, found, expected}, with which the script ends unwritten.

local SAFE = 9007199254740991 -- 2^53 - 1: up to this a double holds every integer exactly

local function damaged(key, field, found, expected)
  return {'refused', 'damaged', key, field, found, expected}
end

local function check_type(key, wanted)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= wanted then
    return damaged(key, '', kind, wanted)
  end
end

-- An account may be allowed only some commands and keys. An unknown command (a renamed one) is refused.
local function check_access(command, key, ...)
  local known, allowed = pcall(redis.acl_check_cmd, command, key, ...)
  if not known or not allowed then
    return {'refused', 'access', key, '', command, ''}
  end
end

-- Sign and digits of an integer as HINCRBY accepts it: 64 bits, no plus sign, no space, no leading zero.
local function integer(text)
  local sign, digits = string.match(text, '^(-?)(%d+)$')
  if not digits or #digits > 19 or (string.sub(digits, 1, 1) == '0' and text ~= '0') then
    return nil
  end
  local limit = sign == '-' and '9223372036854775808' or '9223372036854775807'
  if #digits == 19 and digits > limit then
    return nil
  end
  return sign, digits
end

-- Whether the sum of two integers fits into 64 bits. Added in two parts of ten digits: doubles are exact up to 2^53 only.
local function sum_fits(sign, digits, other_sign, other_digits)
  if sign ~= other_sign or (#digits < 19 and #other_digits < 19) then
    return true
  end
  local one = string.rep('0', 20 - #digits) .. digits
  local two = string.rep('0', 20 - #other_digits) .. other_digits
  local low = tonumber(string.sub(one, 11)) + tonumber(string.sub(two, 11))
  local high = tonumber(string.sub(one, 1, 10)) + tonumber(string.sub(two, 1, 10)) + math.floor(low / 1e10)
  local limit = sign == '-' and 6854775808 or 6854775807
  return high < 922337203 or (high == 922337203 and low % 1e10 <= limit)
end

local function check_integer(key, field)
  local found = redis.call('HGET', key, field)
  if found and not integer(found) then
    return damaged(key, field, found, 'an integer of 64 bits')
  end
end

local function check_hash_sum(key, field, amount)
  local found = redis.call('HGET', key, field) or '0'
  local sign, digits = integer(found)
  if not digits then
    return damaged(key, field, found, 'an integer of 64 bits')
  end
  local amount_sign, amount_digits = integer(amount)
  if not amount_digits or not sum_fits(sign, digits, amount_sign, amount_digits) then
    return damaged(key, field, found, 'a number to which ' .. amount .. ' can be added within 64 bits')
  end
end

local function check_score_sum(key, member, amount)
  local found = redis.call('ZSCORE', key, member) or '0'
  local score = tonumber(found)
  if not score or score ~= math.floor(score) or math.abs(score) > SAFE then
    return damaged(key, member, found, 'an integer of less than 2^53')
  end
  if not integer(amount) or math.abs(score + tonumber(amount)) > SAFE then
    return damaged(key, member, found, 'a number to which ' .. amount .. ' can be added below 2^53')
  end
end

