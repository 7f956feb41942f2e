#!lua flags=allow-oom
-- Hands a lease on to another process, which has a moment to begin.
--HEAD--
local member, token, to, seconds, channel = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
if redis.call('HGET', UNIT, 'tok') ~= token then return {'fenced'} end
redis.call('HDEL', UNIT, 'tok')
redis.call('HSET', OWNERS, member, to)
redis.call('ZADD', LEASED, time(ARGV[1]) + seconds, member)
return {redis.call('PUBLISH', channel .. to, 'h' .. member)}
