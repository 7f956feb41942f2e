#!lua flags=allow-oom
-- What a unit holds now, for its owner.
--HEAD--
if redis.call('HGET', UNIT, 'tok') ~= ARGV[3] then return {'fenced'} end
redis.call('HDEL', UNIT, 'q')
return {'mine', redis.call('HGET', UNIT, 'n') or 0, {}, contents(), {}}
