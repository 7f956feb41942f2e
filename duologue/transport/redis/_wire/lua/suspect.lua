#!lua flags=allow-oom
-- Notes how many processes may have died of a message, the caller included, if the caller
-- still has its unit. Key: the unit.
local token, field, deaths = ARGV[1], 'a' .. ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', KEYS[1], 'tok') ~= token then return 'fenced' end
if deaths > 0 then
  redis.call('HSET', KEYS[1], field, deaths)
else
  redis.call('HDEL', KEYS[1], field)
end
return 'done'
