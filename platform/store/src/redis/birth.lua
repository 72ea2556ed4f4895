-- How a domain was made: written once, then answered. KEYS: birth. ARGV: what it would be.
local stored = redis.call('GET', KEYS[1])
if stored then return stored end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
