#!lua flags=allow-oom
-- Be the only holder of a name for a while, and keep a value with it.
local held, value_key = KEYS[1], KEYS[2]
local token, ms, has_value, value = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
--TIME--
local now = time(ARGV[1])
local holder, till = unpack(redis.call('HMGET', held, 'by', 'till'))
-- What ends in a far future was taken before the clock was set back.
local far = now + math.max(10 * ms, 600000)
if holder and holder ~= token and tonumber(till) > now and tonumber(till) <= far then
  return {'held', holder}
end
redis.call('HSET', held, 'by', token, 'till', now + ms)
redis.call('PEXPIRE', held, ms + 3600000)
if has_value == '1' then redis.call('SET', value_key, value) end
return {'mine', redis.call('GET', value_key)}
