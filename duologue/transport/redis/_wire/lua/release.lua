#!lua flags=allow-oom
-- Ends a lease. Where the caller wants it only if nothing is left, it goes on otherwise.
-- With a tenth key what is left waits there: for a program that understands it.
--HEAD--
local member, token, only_empty = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', UNIT, 'tok') ~= token then return {'fenced'} end
if only_empty == '1' and not is_empty() then
  return {'kept', redis.call('HGET', UNIT, 'n') or 0, {}}
end
if #KEYS > 9 then READY = KEYS[10] end
let_go(member, time(ARGV[1]))
return {'released'}
