-- One commit: checks everything, then writes everything. `commit.rs` lays out keys and arguments in this order.
-- Nothing is written before the line that says so; whatever may fail is called or probed before it.
local call, sub = redis.call, string.sub
local NONE, ABSENT, MOST = string.rep('0', 20), string.rep('0', 21) .. string.rep('\0', 16), 4000

local number, writer, news = ARGV[1], ARGV[2], ARGV[3]
local results, fences, marks, checks, writes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local dues, index, events, made, gone = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])

-- Where each part begins, minus one.
local key_result = 3
local key_mark = key_result + results
local key_check = key_mark + marks
local key_write = key_check + checks
local key_due = key_write + writes
local strings = key_due + dues
local key_feed, key_names, key_ages, key_hint, key_more = strings + 1, strings + 2, strings + 3, strings + 4, strings + 4
local arg_result = 13
local arg_fence = arg_result + 2 * results
local arg_mark = arg_fence + fences
local arg_check = arg_mark + 3 * marks
local arg_write = arg_check + checks
local arg_due = arg_write + 3 * writes
local arg_index = arg_due + 3 * dues
local arg_event = arg_index + 5 * index
local arg_made = arg_event + 3 * events
local arg_gone = arg_made + 2 * made
local arg_age = arg_gone + gone

local have = {}
if strings <= MOST then
  have = call('MGET', unpack(KEYS, 1, strings))
else
  for from = 1, strings, MOST do
    for at, value in ipairs(call('MGET', unpack(KEYS, from, math.min(strings, from + MOST - 1)))) do
      have[from + at - 1] = value
    end
  end
end

-- Sent before and applied: the answer of then. It is written again so that a WAIT behind it covers what was applied.
if have[1] and sub(have[1], 1, 20) >= number then
  call('SET', KEYS[1], have[1], 'EX', 3600)
  return {'committed', sub(have[1], 21)}
end

local already = {'already'}
for i = 1, results do
  local stored = have[key_result + i]
  if stored then
    if sub(stored, 1, 32) ~= ARGV[arg_result + 2 * i - 1] then return {'digest', tostring(i - 1)} end
    already[#already + 1] = tostring(i - 1)
    already[#already + 1] = stored
  end
end
if #already > 1 then return already end

local lease = have[3]
for i = 1, fences do
  if not lease or #lease <= 36 or sub(lease, 1, 36) ~= ARGV[arg_fence + i] then return {'fence', tostring(i - 1)} end
end

local marked = {}
for i = 1, marks do
  local key, at = KEYS[key_mark + i], arg_mark + 3 * (i - 1)
  local version, event, needed = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local stands = marked[key] or have[key_mark + i]
  local standing = stands and sub(stands, 1, 20) or NONE
  if stands and standing == version and sub(stands, 21) ~= event then
    return {'mark', tostring(i - 1), 'fork', sub(stands, 21)}
  end
  if standing >= version then return {'mark', tostring(i - 1), 'done'} end
  if standing < needed then return {'mark', tostring(i - 1), 'gap', standing} end
  marked[key] = version .. event
end

for i = 1, checks do
  local stored = have[key_check + i]
  if (stored and sub(stored, 1, 20) or NONE) ~= ARGV[arg_check + i] then return {'conflict'} end
end
local newer
for i = 1, writes do
  local stored, at = have[key_write + i], arg_write + 3 * (i - 1)
  if (stored and sub(stored, 1, 20) or NONE) ~= ARGV[at + 1] then return {'conflict'} end
  if not newer and stored and sub(stored, 21, 30) > ARGV[at + 2] then newer = i end
end
if newer then return {'schema', tostring(newer - 1)} end

-- Probes: a name that holds another type fails here. The feed needs none, it is written first.
if made > 0 or gone > 0 then call('ZCARD', KEYS[key_names]) end
if results > 0 then call('ZCARD', KEYS[key_ages]) end
for i = 1, dues do call('ZCARD', KEYS[key_more + tonumber(ARGV[arg_due + 3 * i - 2])]) end
for i = 1, index do
  call('ZCARD', KEYS[key_more + tonumber(ARGV[arg_index + 5 * i - 4])])
  call('HLEN', KEYS[key_more + tonumber(ARGV[arg_index + 5 * i - 3])])
end

-- From here on it is written, and nothing is refused.
local ends = have[2] or (ABSENT .. ABSENT)
local last = tonumber(sub(ends, 38, 57))
local first = string.format('%.0f', last + 1)
for i = 1, events do
  local at = arg_event + 3 * (i - 1)
  call('XADD', KEYS[key_feed], string.format('%.0f-0', last + i), 'i', ARGV[at + 1], 't', ARGV[at + 2], 'e', ARGV[at + 3])
end

local function each(command, key, from, to)
  for begin = from, to, MOST do call(command, key, unpack(ARGV, begin, math.min(to, begin + MOST - 1))) end
end
each('ZADD', KEYS[key_names], arg_made + 1, arg_made + 2 * made)
each('ZREM', KEYS[key_names], arg_gone + 1, arg_gone + gone)
each('ZADD', KEYS[key_ages], arg_age + 1, arg_age + 2 * results)

local puts, drops = {}, {}
local function put(key, value)
  puts[#puts + 1] = key
  puts[#puts + 1] = value
end
for i = 1, dues do
  local at = arg_due + 3 * (i - 1)
  local set, document, new, old = KEYS[key_more + tonumber(ARGV[at + 1])], ARGV[at + 2], ARGV[at + 3], have[key_due + i] or ''
  if old ~= new then
    if old ~= '' then call('ZREM', set, old .. document) end
    if new ~= '' then
      call('ZADD', set, '0', new .. document)
      put(KEYS[key_due + i], new)
    else
      drops[#drops + 1] = KEYS[key_due + i]
    end
  end
end
for i = 1, index do
  local at = arg_index + 5 * (i - 1)
  local set, values, member = KEYS[key_more + tonumber(ARGV[at + 1])], KEYS[key_more + tonumber(ARGV[at + 2])], ARGV[at + 3]
  if ARGV[at + 4] == '1' then
    call('ZADD', set, '0', member)
    call('HSET', values, member, ARGV[at + 5])
  else
    call('ZREM', set, member)
    call('HDEL', values, member)
  end
end
for i = 1, writes do
  local value = ARGV[arg_write + 3 * i]
  if value ~= '' then put(KEYS[key_write + i], value) else drops[#drops + 1] = KEYS[key_write + i] end
end
for i = 1, results do put(KEYS[key_result + i], ARGV[arg_result + 2 * i]) end
for i = 1, marks do put(KEYS[key_mark + i], marked[KEYS[key_mark + i]]) end
if events > 0 then
  put(KEYS[2], sub(ends, 1, 37) .. string.format('%020.0f', last + events) .. '1' .. ARGV[arg_event + 3 * events - 2])
end
for from = 1, #drops, MOST do call('DEL', unpack(drops, from, math.min(#drops, from + MOST - 1))) end
put(KEYS[1], number .. first)
for from = 1, #puts, MOST do call('MSET', unpack(puts, from, math.min(#puts, from + MOST - 1))) end
call('EXPIRE', KEYS[1], 3600)
-- A hint may be lost, so it may also be forbidden.
if news == '1' then redis.pcall('SPUBLISH', KEYS[key_hint], writer) end
return {'committed', first}
