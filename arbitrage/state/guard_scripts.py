"""The guard's account in Redis as Lua: each script looks at everything first and then writes all of it or nothing.

Lua only compares numbers here, which is exact below 2^53 and refused above; sums are made by HINCRBY, on integers.
KEYS are always: guard, guard:reserved, guard:results, guard:latches. Each answers with a verdict and what it saw.
"""

from typing import Final

FIELDS: Final = (
    "epoch",
    "fence",
    "sequence",
    "day",
    "day_units",
    "total_units",
    "reserved_units",
    "stopped",
    "plans",
    "results",
    "latches",
)
"""The hash `guard`. `plans`, `results` and `latches` are how many of those there are, so that a lost key is seen."""

# The kinds of the keys, and numbers that HINCRBY can go on with and doubles hold exactly.
_BASICS: Final = """
local GUARD, RESERVED, RESULTS, LATCHES = unpack(KEYS)
local MOST = 9007199254740992
local function whole(text)
  if not text or not (text == '0' or string.match(text, '^%-?[1-9]%d*$')) then return nil end
  local number = tonumber(text)
  if number > -MOST and number < MOST then return number end
end
for i, kind in ipairs({'hash', 'hash', 'zset', 'hash'}) do
  local held = redis.call('TYPE', KEYS[i]).ok
  if held ~= 'none' and held ~= kind then return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is not a ' .. kind) end
end
"""

# `held` is the whole hash, all of it there and all of it sound, or the script has answered.
_SOUND: Final = (
    """
if redis.call('EXISTS', GUARD) == 0 then return {'emptied', GUARD .. ' is not there'} end
local held = {}
for _, name in ipairs({"""
    + ", ".join(f"'{name}'" for name in FIELDS)
    + """}) do
  held[name] = redis.call('HGET', GUARD, name)
  if not held[name] then return {'damaged', GUARD .. ' has no ' .. name} end
  if name ~= 'epoch' and name ~= 'day' and not whole(held[name]) then
    return {'damaged', GUARD .. ' ' .. name .. ' is not a whole number below 2^53'}
  end
end
local reserved = whole(held.reserved_units)
if reserved < 0 then return {'damaged', GUARD .. ' reserved_units is below zero'} end
if redis.call('HLEN', RESERVED) ~= whole(held.plans) then return {'damaged', RESERVED .. ' is not complete'} end
if redis.call('ZCARD', RESULTS) ~= whole(held.results) then return {'damaged', RESULTS .. ' is not complete'} end
if redis.call('HLEN', LATCHES) ~= whole(held.latches) then return {'damaged', LATCHES .. ' is not complete'} end
"""
)

# ARGV: our epoch, our fence, the entry that this one follows ("" if that does not matter), its number, its day.
_OURS: Final = """
local epoch, fence, follows, sequence, day = unpack(ARGV, 1, 5)
if held.epoch ~= epoch then return {'foreign', 'its epoch is ' .. held.epoch} end
if whole(held.fence) > whole(fence) then return {'fenced', 'run ' .. held.fence .. ' has it'} end
if whole(held.fence) < whole(fence) then return {'behind', 'its fence is ' .. held.fence} end
"""

_NEXT: Final = """
if whole(held.sequence) >= whole(sequence) then return {'again', held.sequence} end
if follows ~= '' and held.sequence ~= follows then
  if whole(held.sequence) < whole(follows) then return {'behind', 'it ends at entry ' .. held.sequence} end
  return {'foreign', 'entry ' .. held.sequence .. ' is not ours'}
end
if day < held.day then return {'day_back', 'it is in ' .. held.day} end
-- what was lost before there was any day belongs to the first
local rolls = day > held.day and held.day ~= ''
if rolls then held.day_units = '0' end
"""

_TAKEN: Final = """
local function taken(...)
  if day > held.day then redis.call('HSET', GUARD, 'day', day) end
  if rolls then redis.call('HSET', GUARD, 'day_units', '0') end
  redis.call('HSET', GUARD, 'sequence', sequence, ...)
end
"""

CLAIM: Final = f"""{_BASICS}{_SOUND}
local epoch, above = unpack(ARGV)
if held.epoch ~= epoch then return {{'foreign', 'its epoch is ' .. held.epoch}} end
if whole(held.fence) < whole(above) then redis.call('HSET', GUARD, 'fence', above) end
return {{'ok', tostring(redis.call('HINCRBY', GUARD, 'fence', 1))}}
"""
"""ARGV: epoch, and the fence that the new one must be above. Answers with the new fence."""

CHECK: Final = f"""{_BASICS}{_SOUND}{_OURS}
if held.sequence == sequence then return {{'ok', ''}} end
if whole(held.sequence) < whole(sequence) then return {{'behind', 'it ends at entry ' .. held.sequence}} end
return {{'foreign', 'entry ' .. held.sequence .. ' is not ours'}}
"""
"""ARGV as for an entry; `sequence` is that of the last one that Redis confirmed. Writes nothing."""

RESERVE: Final = f"""{_BASICS}{_SOUND}{_OURS}{_NEXT}{_TAKEN}
local plan, cost, daily, total = unpack(ARGV, 6, 9)
if not whole(cost) or whole(cost) <= 0 then return redis.error_reply('ERR not a worst case: ' .. cost) end
if redis.call('HEXISTS', RESERVED, plan) == 1 then return {{'damaged', 'it already holds plan ' .. plan}} end
if held.stopped ~= '0' then return {{'halted', 'a latch holds'}} end
for name, limit in pairs({{day_units = daily, total_units = total}}) do
  local at_risk = math.max(0, -whole(held[name])) + reserved + whole(cost)
  if not (at_risk <= whole(limit)) then return {{'denied', 'with ' .. name .. ' ' .. held[name]}} end
end
taken()
redis.call('HSET', RESERVED, plan, cost)
redis.call('HINCRBY', GUARD, 'reserved_units', cost)
redis.call('HINCRBY', GUARD, 'plans', 1)
return {{'ok', ''}}
"""
"""ARGV beyond an entry's: plan id, its worst case, the daily limit and the total limit, in won units."""

SETTLE: Final = f"""{_BASICS}{_SOUND}{_OURS}{_NEXT}{_TAKEN}
local plan, units, ended, oldest = unpack(ARGV, 6, 9)
local cost = redis.call('HGET', RESERVED, plan)
if cost and not (whole(cost) and whole(cost) > 0 and whole(cost) <= reserved) then
  return {{'damaged', RESERVED .. ' holds ' .. cost .. ' for ' .. plan}}
end
for name, change in pairs({{day_units = units, total_units = units}}) do
  if not whole(change) or math.abs(whole(held[name]) + whole(change)) >= MOST then
    return redis.error_reply('ERR ' .. name .. ' would leave the range of exact numbers')
  end
end
taken()
if not cost then return {{'unknown', 'it holds no plan ' .. plan}} end
redis.call('HINCRBY', GUARD, 'day_units', units)
redis.call('HINCRBY', GUARD, 'total_units', units)
redis.call('HINCRBY', GUARD, 'reserved_units', '-' .. cost)
redis.call('HINCRBY', GUARD, 'plans', -1)
redis.call('HDEL', RESERVED, plan)
redis.call('ZADD', RESULTS, ended, plan .. ':' .. units)
redis.call('ZREMRANGEBYSCORE', RESULTS, '-inf', '(' .. oldest)
redis.call('HSET', GUARD, 'results', redis.call('ZCARD', RESULTS))
return {{'ok', ''}}
"""
"""ARGV beyond an entry's: plan id, its result in won units, its end in ms, and the oldest end in ms to keep."""

KEEP: Final = f"""{_BASICS}{_SOUND}{_OURS}{_NEXT}{_TAKEN}
local from_zero, stopped = unpack(ARGV, 6, 7)
taken('stopped', stopped, 'latches', (#ARGV - 7) / 2)
if from_zero == '1' then redis.call('HSET', GUARD, 'total_units', '0') end
redis.call('DEL', LATCHES)
for i = 8, #ARGV, 2 do redis.call('HSET', LATCHES, ARGV[i], ARGV[i + 1]) end
return {{'ok', ''}}
"""
"""ARGV beyond an entry's: "1" if the total starts anew, "1" if a latch stops all, then each latch as name and JSON."""

WRITE: Final = f"""{_BASICS}
local over_epoch, over_fence, fields, plans, results = unpack(ARGV, 1, 5)
local epoch, fence = unpack(redis.call('HMGET', GUARD, 'epoch', 'fence'))
if (epoch or '') ~= over_epoch or (fence or '') ~= over_fence then
  return {{'foreign', 'it changed meanwhile: epoch ' .. (epoch or 'none') .. ', fence ' .. (fence or 'none')}}
end
redis.call('DEL', RESERVED, RESULTS, LATCHES, GUARD)
local at = 6
local function put(command, key, pairs_of)
  for _ = 1, pairs_of do
    redis.call(command, key, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
put('HSET', RESERVED, plans)
put('ZADD', RESULTS, results)
put('HSET', LATCHES, (#ARGV - at + 1) / 2 - fields)
put('HSET', GUARD, fields)
return {{'ok', ''}}
"""
"""ARGV: the epoch and fence that are there now ("" for none), how many fields, plans and results follow, then those:
plans, results (score first), latches, and the fields of `guard`. Replaces the whole account."""
