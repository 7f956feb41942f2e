#!lua
-- Puts mail, and what is owed, into a unit; gives the unit to the caller if he wants it and
-- nobody has it. From the tenth key on: the ring and the state of each mailbox named, and
-- at last, if a letter for later is due, the two keys of those.
--HEAD--
local member, proc, token = ARGV[2], ARGV[3], ARGV[4]
local lease, capacity, channel = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local due, due_at = ARGV[8], ARGV[9]
local boxes, letters, owed = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local at = 12

if due ~= '' then
  local score = redis.call('ZSCORE', KEYS[#KEYS - 1], due)
  if not score or tonumber(score) ~= tonumber(due_at) then return {'gone', 0, {}} end
  redis.call('ZREM', KEYS[#KEYS - 1], due)
  redis.call('HDEL', KEYS[#KEYS], due)
end

local known, names, rings = {}, {}, {}
for i = 1, boxes do
  known[i], names[i] = ARGV[at + 1], ARGV[at + 2]
  at = at + 2
end

local function held(name)
  local head, number = string.char(math.floor(#name / 256), #name % 256) .. name, 0
  for _, envelope in ipairs(redis.call('HVALS', MAIL)) do
    if string.sub(envelope, 2, 1 + #head) == head then number = number + 1 end
  end
  return number
end

-- A State may be told more by all chats, while one of them comes again, than a ring holds.
local is_of_all = string.sub(member, 1, 6) == 'state/'

local used, numbers, first, last = redis.call('HLEN', MAIL), {}, nil, nil
local has_new = false
for i = 1, letters do
  local box, id, envelope = tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
  at = at + 3
  local ring_key = KEYS[8 + 2 * box]
  local ring = rings[box]
  if not ring then ring = not is_of_all and redis.call('GET', ring_key) or '' end
  if is_in(ring, id) then
    numbers[i] = 0
  elseif is_of_all and redis.call('ZSCORE', ring_key, id) then
    numbers[i] = 0
  else
    if capacity > 0 and used >= capacity and held(names[box]) >= capacity then break end
    last = put(envelope)
    first = first or last
    numbers[i] = last
    used = used + 1
    if is_of_all then
      redis.call('ZADD', ring_key, time(ARGV[1]), id)
      redis.call('ZREMRANGEBYRANK', ring_key, 0, -10001)
      redis.call('EXPIRE', ring_key, 86400)
    else
      ring = ring .. id
      if #ring > 1024 then ring = string.sub(ring, -1024) end
      redis.call('SET', ring_key, ring, 'EX', 86400)
    end
    has_new = true
  end
  rings[box] = ring
end
for _ = 1, owed do
  owe(ARGV[at + 1], ARGV[at + 2])
  at, has_new = at + 2, true
end

local owner = redis.call('HGET', OWNERS, member)
if owner == proc then return {'mine', last or redis.call('HGET', UNIT, 'n') or 0, numbers} end
if owner then
  if has_new then
    if first then redis.call('HSETNX', UNIT, 'q', first) end -- nothing from here on is known to the owner
    redis.call('PUBLISH', channel .. owner, 'n' .. member)
  end
  return {'theirs', 0, numbers}
end
if token == '' then
  if not is_empty() then wait(READY, member, time(ARGV[1])) end
  return {'ready', 0, numbers}
end
redis.call('ZREM', READY, member)
redis.call('ZADD', LEASED, time(ARGV[1]) + lease, member)
redis.call('HSET', OWNERS, member, proc)
redis.call('HSET', UNIT, 'tok', token)
local states = {}
for i = 1, boxes do
  local key = KEYS[9 + 2 * i]
  if known[i] ~= '' and redis.call('GETRANGE', key, 0, 15) == known[i] then
    states[i] = known[i]
  else
    states[i] = redis.call('GET', key)
  end
end
return {'leased', last or redis.call('HGET', UNIT, 'n') or 0, numbers, contents(), states}
