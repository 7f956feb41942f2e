#!lua flags=allow-oom
-- Notes what a unit has brought to others. Numbers begin anew when a unit is gone, so only
-- its owner knows which ones are meant.
--HEAD--
local token = ARGV[3]
if redis.call('HGET', UNIT, 'tok') ~= token then return {'fenced'} end
for i = 4, #ARGV do redis.call('HDEL', OUT, ARGV[i]) end
return {'done'}
