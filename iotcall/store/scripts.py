"""What runs inside Redis or Valkey, each script as one step that nobody comes between (Lua).

Leaves out: who calls them (redis, leases). All keys of a store begin with its prefix in braces, so
that they share a slot of a cluster. https://redis.io/docs/latest/develop/interact/programmability/
"""

from __future__ import annotations

COMMIT = """
local base, limit, at = ARGV[1], tonumber(ARGV[2]), 4
for _ = 1, tonumber(ARGV[3]) do
  if redis.call('GET', ARGV[at]) ~= ARGV[at + 1] then return -1 end
  at = at + 2
end
local first, there, grows, puts = at, {}, 0, false
while at <= #ARGV do  -- look before anything is changed
  local what, kind, key = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if what ~= 'prune' then
    local name = kind .. '/' .. key
    local before = there[name] or redis.call('HSTRLEN', base .. kind, key)
    local after = 0
    if what ~= 'drop' then
      if what == 'new' and before > 0 then return 0 end
      after, puts = #ARGV[at + 3], true
    end
    grows, there[name] = grows + after - before, after
  end
  at = at + 6
end
local bytes = base .. 'bytes'
if puts then
  if grows > 0 and tonumber(redis.call('GET', bytes) or '0') + grows > limit then return -2 end
  redis.call('INCRBY', KEYS[1], 0)  -- the first writing shows whether there is memory
end
local function taken_off(kind, key)
  local value = redis.call('HGET', base .. kind, key)
  if value then
    local length = string.match(value, '^(%d+) ')
    local site = string.sub(value, #length + 2, #length + 1 + length)
    redis.call('ZREM', base .. kind .. ':site:' .. site, key)
    redis.call('DECRBY', bytes, #value)
  end
  return value
end
local function forget(kind, key)
  if taken_off(kind, key) then
    redis.call('HDEL', base .. kind, key)
    redis.call('ZREM', base .. kind .. ':number', key)
    redis.call('ZREM', base .. kind .. ':at', key)
  end
end
for at = first, #ARGV, 6 do
  local what, kind, key = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local rows, numbers = base .. kind, base .. kind .. ':number'
  if what == 'drop' then
    forget(kind, key)
  elseif what == 'prune' then
    for _, old in ipairs(redis.call('ZREVRANGE', numbers, ARGV[at + 3], -1)) do
      forget(kind, old)
    end
    for _, old in ipairs(redis.call('ZRANGEBYSCORE', rows .. ':at', '-inf', '(' .. ARGV[at + 4])) do
      if redis.call('ZREVRANK', numbers, old) >= tonumber(ARGV[at + 5]) then forget(kind, old) end
    end
  else
    local value = ARGV[at + 3]
    taken_off(kind, key)
    local number = redis.call('ZSCORE', numbers, key) or redis.call('INCR', KEYS[1])
    redis.call('HSET', rows, key, value)
    redis.call('ZADD', numbers, number, key)
    redis.call('ZADD', rows .. ':at', ARGV[at + 4], key)
    redis.call('ZADD', rows .. ':site:' .. ARGV[at + 5], number, key)
    redis.call('INCRBY', bytes, #value)
  end
end
return 1
"""
"""KEYS: the counter. ARGV: base of the keys, limit in bytes, number of fences, each as key and
token; then six for each change: `put` or `new`, kind, key, value, at, site; `drop`, kind, key;
`prune`, kind, "", keep, since, spare. 1: made; 0: a new key was there; -1: a fence fell; -2: no
room."""

ROW = """
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return false end
return {redis.call('ZSCORE', KEYS[2], ARGV[1]), value}
"""
"""KEYS: rows, numbers. ARGV: key."""

ROWS = """
local found, keys = {}, redis.call('ZREVRANGE', KEYS[2], 0, ARGV[1], 'WITHSCORES')
for at = 1, #keys, 2 do
  found[#found + 1] = keys[at + 1]
  found[#found + 1] = keys[at]
  found[#found + 1] = redis.call('HGET', KEYS[1], keys[at])
end
return found
"""
"""KEYS: rows, numbers or the site's. ARGV: last place. Number, key and value, newest first."""

TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. now)) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('ZREM', KEYS[3], gone)
end
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  redis.call('ZADD', KEYS[2], (last[2] or 0) + 1, ARGV[1])
end
redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
for _, each in ipairs({KEYS[2], KEYS[3]}) do redis.call('PEXPIRE', each, 10 * ARGV[3]) end
if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('ZRANGE', KEYS[2], 0, 0)[1] ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
"""
"""Take a lease that others wait for too, first come, first served.

KEYS: lease, who waits in which order, until when each counts as waiting. ARGV: token, milliseconds
of the lease, milliseconds after which one that does not ask again waits no more."""

HOLD = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
"""Take a lease or hold it longer. KEYS: lease. ARGV: token, milliseconds."""

RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
"""Hold a lease longer, if it is ours still. KEYS: lease. ARGV: token, milliseconds."""

RELEASE = """
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
"""Give a lease back, or its place among those that wait. KEYS: as TAKE. ARGV: token."""

ECHO = """
local other = redis.call('GET', KEYS[1])
if other and other ~= ARGV[1] then return 1 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
"""
"""Whether another word was left there lately. KEYS: place. ARGV: word, milliseconds."""
