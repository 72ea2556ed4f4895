-- Removes events that every group has behind. KEYS: ends of the feed, feed, groups.
-- ARGV: most to remove, youngest time to remove, last sign of life that is not silence; microseconds.
local call, sub = redis.call, string.sub
local most, young, silent = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ends = call('GET', KEYS[1])
if not ends then return {'0'} end
local begin, last = tonumber(sub(ends, 1, 20)), tonumber(sub(ends, 38, 57))
local upto, answer, expired = last, {'0'}, {}
for i = 3, #KEYS do
  local group = call('GET', KEYS[i])
  if not group then
    -- Declared, but not known here yet: everything may still be wanted.
    upto = 0
  else
    local at, lost = tonumber(sub(group, 1, 20)), sub(group, 38, 38) == '1'
    if at < last and not lost and tonumber(sub(group, 39)) < silent then
      lost = true
      answer[#answer + 1] = tostring(i - 3)
      expired[#expired + 1] = {KEYS[i], sub(group, 1, 37) .. '1' .. sub(group, 39)}
    end
    if not lost then upto = math.min(upto, at) end
  end
end

local removed, place = 0, nil
if most > 0 and upto > begin then
  local from, to = string.format('%.0f', begin + 1), string.format('%.0f', upto)
  for _, entry in ipairs(call('XRANGE', KEYS[2], from, to, 'COUNT', most)) do
    if tonumber(entry[2][4]) > young then break end
    removed = removed + 1
    place = string.format('%020.0f', begin + removed) .. '1' .. entry[2][2]
  end
end

-- From here on it is written, and nothing is refused.
if removed > 0 then
  call('XTRIM', KEYS[2], 'MINID', '=', string.format('%.0f', begin + removed + 1))
  call('SET', KEYS[1], place .. sub(ends, 38))
end
for _, group in ipairs(expired) do call('SET', group[1], group[2]) end
answer[1] = tostring(removed)
return answer
