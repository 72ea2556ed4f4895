-- The worker lease: epoch (20 digits), nonce (16 bytes), end in microseconds; the epoch alone while nobody has it.
-- Time is the server's, unless the caller brings its own (simulations).
local call, sub = redis.call, string.sub
local operation, nonce, fence, span, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if not now then
  local time = call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local stored = call('GET', KEYS[1]) or string.rep('0', 20)
local epoch, held = sub(stored, 1, 20), #stored > 36
local ends = held and tonumber(sub(stored, 37))

if operation == 'take' then
  if held and sub(stored, 21, 36) == nonce then
    fence = sub(stored, 1, 36)
  elseif held and ends > now then
    return {'taken', string.format('%.0f', ends - now)}
  else
    fence = string.format('%020.0f', tonumber(epoch) + 1) .. nonce
  end
elseif not held or sub(stored, 1, 36) ~= fence then
  return {'gone'}
elseif operation == 'release' then
  call('SET', KEYS[1], epoch)
  return {'gone'}
end
call('SET', KEYS[1], fence .. string.format('%.0f', now + span))
return {'held', fence}
