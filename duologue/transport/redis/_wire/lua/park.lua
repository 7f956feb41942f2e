#!lua flags=allow-oom
-- Marks a mailbox of a unit as one for newer programs, or unmarks it.
--HEAD--
local token, name, schema = ARGV[3], ARGV[4], ARGV[5]
if redis.call('HGET', UNIT, 'tok') ~= token then return {'fenced'} end
if schema == '' then
  if redis.call('HDEL', UNIT, 'p' .. name) == 1 then redis.call('HINCRBY', COUNTS, 'parked', -1) end
elseif redis.call('HSET', UNIT, 'p' .. name, schema) == 1 then
  redis.call('HINCRBY', COUNTS, 'parked', 1)
end
return {'done'}
