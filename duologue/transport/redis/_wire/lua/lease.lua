#!lua flags=allow-oom
-- Leases units that are ready, longest waiting first, after those whose lease has ended
-- without an end were made ready. The last number is the milliseconds until the next of these,
-- or -1. Keys: leased, owners, then the ready sets of the kinds.
local LEASED, OWNERS = KEYS[1], KEYS[2]
--TIME--
local now = time(ARGV[1])
local proc, lease, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local sets = {}
for i = 3, #KEYS do sets[ARGV[i + 2]] = KEYS[i] end

-- A lease that ends in a far future was given before the clock was set back.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', LEASED, '(' .. (now + 10 * lease), '+inf', 'LIMIT', 0, 64)) do
  redis.call('ZADD', LEASED, now + lease, member)
end

local expired, from = 0, 0
repeat
  local ended = redis.call('ZRANGEBYSCORE', LEASED, '-inf', now, 'LIMIT', from, 64)
  for _, member in ipairs(ended) do
    local set = sets[string.match(member, '^[^|]*')]
    if set then
      redis.call('ZREM', LEASED, member)
      redis.call('ZADD', set, 'NX', now, member)
      expired = expired + 1
    else
      from = from + 1 -- it is for others
    end
  end
until #ended < 64 or expired >= 64

local found = {}
for i = 3, #KEYS do
  local due = redis.call('ZRANGE', KEYS[i], 0, most - 1, 'WITHSCORES')
  for j = 1, #due, 2 do found[#found + 1] = {tonumber(due[j + 1]), due[j], KEYS[i]} end
end
table.sort(found, function(a, b) return a[1] < b[1] end)
local leased, orphans = {}, {}
for i = 1, math.min(most, #found) do
  local member = found[i][2]
  redis.call('ZREM', found[i][3], member)
  if not redis.call('ZSCORE', LEASED, member) then
    orphans[#leased + 1] = redis.call('HGET', OWNERS, member) or ''
    redis.call('ZADD', LEASED, now + lease, member)
    redis.call('HSET', OWNERS, member, proc)
    leased[#leased + 1] = member
  end
end
local next_end = redis.call('ZRANGEBYSCORE', LEASED, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local soon = next_end and math.ceil(tonumber(next_end) - now) or -1
return {leased, orphans, expired, #found - #leased, soon}
