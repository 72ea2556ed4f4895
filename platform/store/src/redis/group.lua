-- A group's offset: place (sequence of 20 digits, '1' and event id, or '0'), expired ('0' or '1'), seen in microseconds.
-- KEYS: group, ends of the feed, feed. ARGV: operation, place, sequence of the place without zeros in front, seen.
local call, sub = redis.call, string.sub
local operation, place, sequence, seen = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known = call('GET', KEYS[1])

local function fits()
  local ends = call('GET', KEYS[2])
  if place == (ends and sub(ends, 1, 37) or string.rep('0', 21) .. string.rep('\0', 16)) then return true end
  local entry = call('XRANGE', KEYS[3], sequence, sequence)[1]
  return entry and sub(place, 21, 21) == '1' and entry[2][2] == sub(place, 22)
end

local value
if operation == 'declare' then
  local ends = not known and call('GET', KEYS[2])
  local begin = ends and sub(ends, 1, 37) or string.rep('0', 21) .. string.rep('\0', 16)
  value = known or begin .. '0' .. seen
elseif not known then
  return {'unknown'}
elseif operation == 'touch' then
  value = sub(known, 1, 38) .. seen
elseif operation == 'acknowledge' then
  local stands = sub(known, 1, 37)
  local back = sub(place, 1, 20) < sub(known, 1, 20)
  if sub(known, 38, 38) == '1' or not (back or place == stands or fits()) then return {'range'} end
  value = (back and stands or place) .. '0' .. seen
else
  if not fits() then return {'range'} end
  value = place .. '0' .. seen
end
call('SET', KEYS[1], value)
return {'offset', value}
