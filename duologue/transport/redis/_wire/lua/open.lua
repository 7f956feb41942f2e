#!lua flags=allow-oom
-- Begins the lease of a unit that `lease` has given to the caller. From the tenth key on:
-- the states of mailboxes that the caller knows.
--HEAD--
local member, proc, token = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', OWNERS, member) ~= proc then return {'theirs'} end
if is_empty() and redis.call('EXISTS', ROW) == 0 then
  let_go(member, time(ARGV[1]))
  return {'empty'}
end
redis.call('HSET', UNIT, 'tok', token)
local states = {}
for i = 10, #KEYS do
  local known = ARGV[i - 5]
  if redis.call('GETRANGE', KEYS[i], 0, 15) == known then
    states[i - 9] = known
  else
    states[i - 9] = redis.call('GET', KEYS[i])
  end
end
local found = contents()
redis.call('HDEL', UNIT, 'q')
return {'leased', redis.call('HGET', UNIT, 'n') or 0, {}, found, states}
