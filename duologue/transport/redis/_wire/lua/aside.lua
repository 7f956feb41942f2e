#!lua flags=allow-oom
-- Sets an entry of a stream of other programs aside. Keys: the stream, what is set aside.
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
local fields = found[1][2]
fields[#fields + 1] = 'reason'
fields[#fields + 1] = ARGV[2]
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
