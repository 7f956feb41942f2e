#!lua
-- Moves an entry of a stream of other programs into the mailbox that it is for; leaves it
-- where there is no room, or where one before it for the same mailbox is still there.
-- Tenth key: the stream.
--HEAD--
local STREAM = KEYS[10]
local member, proc, channel = ARGV[2], ARGV[3], ARGV[4]
local entry, before, capacity = ARGV[5], ARGV[6], tonumber(ARGV[7])
local name, envelope = ARGV[8], ARGV[9]

local function is_there(id)
  return #redis.call('XRANGE', STREAM, id, id) > 0
end

if not is_there(entry) then return {'gone'} end
if before ~= '' and is_there(before) then return {'full'} end
if redis.call('HLEN', MAIL) >= capacity then
  local head, number = string.char(math.floor(#name / 256), #name % 256) .. name, 0
  for _, each in ipairs(redis.call('HVALS', MAIL)) do
    if string.sub(each, 2, 1 + #head) == head then number = number + 1 end
  end
  if number >= capacity then return {'full'} end
end
local number = put(envelope)
redis.call('XDEL', STREAM, entry)
local owner = redis.call('HGET', OWNERS, member)
if owner == proc then return {'mine', tostring(number), {number}} end
if owner then
  redis.call('HSETNX', UNIT, 'q', number)
  redis.call('PUBLISH', channel .. owner, 'n' .. member)
  return {'theirs', '0', {number}}
end
wait(READY, member, time(ARGV[1]))
return {'ready', '0', {number}}
