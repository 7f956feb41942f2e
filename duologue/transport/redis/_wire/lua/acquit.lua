#!lua flags=allow-oom
-- Takes back that a message may have ended a process, which only lost the unit, unless it
-- has been taken back: as many deaths as there were with it are told. Key: the unit.
local field = 'a' .. ARGV[1]
local deaths = tonumber(redis.call('HGET', KEYS[1], field) or 0)
if deaths > 0 and deaths >= tonumber(ARGV[2]) then
  if deaths == 1 then redis.call('HDEL', KEYS[1], field) else redis.call('HINCRBY', KEYS[1], field, -1) end
end
return deaths
