-- What the scripts share. A unit is what is leased as a whole: a chat with its dialogs and
-- its screen, or one key of another kind. Its keys come first in every script, in this
-- order; those that a script does not use are there all the same, so that all are declared.
local UNIT, MAIL, OWED, ROW, OUT = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local COUNTS, LEASED, OWNERS, READY = KEYS[6], KEYS[7], KEYS[8], KEYS[9]

--TIME--

local function put(envelope)
  local number = redis.call('HINCRBY', UNIT, 'n', 1)
  redis.call('HSET', MAIL, number, envelope)
  redis.call('HINCRBY', COUNTS, 'mail', 1)
  return number
end

local function owe(id, body)
  local known = redis.call('HGET', OWED, id)
  local number
  if known then
    number = string.match(known, '^%d+')
  else
    number = redis.call('HINCRBY', UNIT, 'o', 1)
  end
  redis.call('HSET', OWED, id, number .. ':' .. body)
end

-- All that a new owner has to know of a unit.
local function contents()
  return {
    redis.call('HGETALL', UNIT), redis.call('HGETALL', MAIL), redis.call('HGETALL', OWED),
    redis.call('GET', ROW), redis.call('HGETALL', OUT),
  }
end

local function is_empty()
  return redis.call('EXISTS', MAIL, OWED, OUT) == 0
end

-- Has a unit wait for the next owner: behind all that waits in its shard already.
local function wait(set, member, now)
  if redis.call('ZSCORE', set, member) then return end
  local last = tonumber(redis.call('HGET', COUNTS, 'ready') or 0)
  if now <= last then now = last + 0.001 end
  redis.call('HSET', COUNTS, 'ready', string.format('%.3f', now))
  redis.call('ZADD', set, string.format('%.3f', now), member)
end

-- The end of a lease. What is left behind waits for the next owner.
local function let_go(member, now)
  redis.call('ZREM', LEASED, member)
  redis.call('HDEL', OWNERS, member)
  if not is_empty() then
    redis.call('HDEL', UNIT, 'tok', 'q')
    wait(READY, member, now)
  elseif redis.call('EXISTS', ROW) == 0 then
    redis.call('DEL', UNIT)
  else
    redis.call('HDEL', UNIT, 'tok', 'q')
  end
end

-- Whether an id is in a ring of the newest ones: 8 bytes each.
local function is_in(ring, id)
  local from = 1
  while true do
    local at = string.find(ring, id, from, true)
    if not at then return false end
    if at % 8 == 1 then return true end
    from = at + 1
  end
end
