#!lua flags=allow-oom
-- Ends a turn: the state, the end of its message and all that leaves with it, or nothing.
-- Tenth key: the state. Then those of letters for later, and of dead letters.
--HEAD--
local STATE, TIMED, TIMED_BODIES, DEAD = KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local member, token, before, mine = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local number, expire = ARGV[6], tonumber(ARGV[7])
local has_state, state = ARGV[8], ARGV[9]
local letters, owed, out, timed = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local release, dead, most_dead = ARGV[14], ARGV[15], tonumber(ARGV[16])
local mail = ARGV[17]
local at = 17
local current = redis.call('GETRANGE', STATE, 0, 15)
if current == mine then return {'already'} end
local unit = redis.call('HMGET', UNIT, 'tok', 'n', 'a' .. number)
if unit[1] ~= token or current ~= before then return {'fenced'} end
-- A server that has forgotten its last seconds may not have the message any more, nor know
-- its id when it comes again; or it has given its number out anew.
local envelope = redis.call('HGET', MAIL, number)
if not envelope or not string.find(envelope, mail, 1, true) then return {'fenced'} end

redis.call('HDEL', MAIL, number)
redis.call('HINCRBY', COUNTS, 'mail', -1)
if unit[3] then redis.call('HDEL', UNIT, 'a' .. number) end
if has_state == '1' then
  redis.call('SET', STATE, mine .. state)
else
  redis.call('SETRANGE', STATE, 0, mine)
end
if expire > 0 then redis.call('EXPIRE', STATE, expire) end
local numbers, last = {}, unit[2] or 0
for i = 1, letters do
  at = at + 1
  last = put(ARGV[at])
  numbers[i] = last
end
for _ = 1, owed do
  owe(ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
for i = 1, out do
  at = at + 1
  local one = redis.call('HINCRBY', UNIT, 'x', 1)
  redis.call('HSET', OUT, one, ARGV[at])
  numbers[letters + i] = one
end
local later = 0
for _ = 1, timed do
  local name, score = ARGV[at + 1], ARGV[at + 2]
  if score == '' then
    later = later - redis.call('ZREM', TIMED, name)
    redis.call('HDEL', TIMED_BODIES, name)
  else
    later = later + redis.call('ZADD', TIMED, score, name)
    local order = redis.call('HINCRBY', COUNTS, 'later', 1)
    redis.call('HSET', TIMED_BODIES, name, order .. ':' .. ARGV[at + 3])
  end
  at = at + 3
end
if dead ~= '' then
  redis.call('RPUSH', DEAD, dead)
  redis.call('LTRIM', DEAD, -most_dead, -1)
end
if release == '1' and is_empty() then
  let_go(member, time(ARGV[1]))
  return {'released', 0, numbers, later}
end
return {'done', last, numbers, later}
