#!lua flags=allow-oom
-- Notes what is not owed to a screen any more, what the next who draws has to know, and
-- mail about it. From the tenth key on: the rings of its mailboxes.
--HEAD--
local member, token, order = ARGV[2], ARGV[3], tonumber(ARGV[4])
local has_row, row = ARGV[5], ARGV[6]
local done, letters = tonumber(ARGV[7]), tonumber(ARGV[8])
local at = 8
local unit = redis.call('HMGET', UNIT, 'tok', 'n', 'r')
if (unit[1] or '') ~= token then return {'fenced'} end
for _ = 1, done do
  at = at + 1
  redis.call('HDEL', OWED, ARGV[at])
end
if has_row == '1' and order >= tonumber(unit[3] or 0) then
  if token ~= '' then redis.call('HSET', UNIT, 'r', order) end
  if row == '' then redis.call('DEL', ROW) else redis.call('SET', ROW, row) end
end
local numbers, last = {}, unit[2] or 0
for i = 1, letters do
  local key, id = KEYS[9 + tonumber(ARGV[at + 1])], ARGV[at + 2]
  local ring = redis.call('GET', key) or ''
  if is_in(ring, id) then
    numbers[i] = 0
  else
    last = put(ARGV[at + 3])
    numbers[i] = last
    redis.call('SET', key, string.sub(ring .. id, -1024), 'EX', 86400)
  end
  at = at + 3
end
if token == '' and not redis.call('HGET', OWNERS, member) then
  let_go(member, time(ARGV[1]))
end
return {'done', last, numbers}
