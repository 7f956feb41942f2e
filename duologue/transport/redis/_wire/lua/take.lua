#!lua flags=allow-oom
-- Takes some of the calls that a bot may make in a while, shared by all its processes.
-- Those that were given out come back when the while is over, used or not.
local calls, pause_key = KEYS[1], KEYS[2]
local capacity, span, wanted, name, pause = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
--TIME--
local now = time(ARGV[1])

if pause > 0 then
  local before = redis.call('PTTL', pause_key)
  if before < pause then redis.call('SET', pause_key, '1', 'PX', pause) end
end
local left = redis.call('PTTL', pause_key)
if left > 0 then return {0, left} end

redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - span)
redis.call('ZREMRANGEBYSCORE', calls, '(' .. now, '+inf') -- from before the clock was set back
local taken, oldest = 0, now
for i, each in ipairs(redis.call('ZRANGE', calls, 0, -1, 'WITHSCORES')) do
  if i % 2 == 1 then
    taken = taken + tonumber(string.match(each, '^%d+'))
  elseif i == 2 then
    oldest = tonumber(each)
  end
end
local given = math.min(wanted, capacity - taken)
if given < 1 then return {0, math.max(oldest + span - now, 1)} end
redis.call('ZADD', calls, now, given .. ':' .. name)
redis.call('PEXPIRE', calls, span * 2)
return {given, 0}
