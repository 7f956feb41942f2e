#!lua flags=allow-oom
-- Makes leases last; tells which were lost, and how far the mail of each has come.
-- Keys: leased, owners, then the units.
--TIME--
local until_, proc = time(ARGV[1]) + tonumber(ARGV[3]), ARGV[2]
local numbers = {}
for i = 3, #KEYS do
  local member, token = ARGV[2 * i - 2], ARGV[2 * i - 1]
  if redis.call('HGET', KEYS[2], member) == proc and redis.call('HGET', KEYS[i], 'tok') == token then
    redis.call('ZADD', KEYS[1], until_, member)
    numbers[i - 2] = (redis.call('HGET', KEYS[i], 'n') or '0') .. ':' .. (redis.call('HGET', KEYS[i], 'o') or '0')
  else
    numbers[i - 2] = ''
  end
end
return numbers
