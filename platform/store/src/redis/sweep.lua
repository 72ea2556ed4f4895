-- Removes old results. KEYS: ages, results. ARGV: the age of each result. One whose age is gone is another's by now.
local call = redis.call
local stand = call('ZMSCORE', KEYS[1], unpack(ARGV))
local ages, results = {}, {}
for i = 1, #ARGV do
  if stand[i] then
    ages[#ages + 1] = ARGV[i]
    results[#results + 1] = KEYS[i + 1]
  end
end
if #ages == 0 then return 0 end
-- From here on it is written, and nothing is refused.
call('ZREM', KEYS[1], unpack(ages))
call('DEL', unpack(results))
return #ages
