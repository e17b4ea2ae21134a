import { createHash } from 'node:crypto';

export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

/** What a packed change does, see packed-changes.ts. */
export const VERBS = { put: 0, replace: 1, remove: 2 } as const;

/**
 * One write of one shard: everything or nothing. Positions are compared as decimal text, for Lua's numbers are doubles.
 * All entries concerned are read by one HMGET, changed in order in Lua's memory, and written by one HSET and one HDEL
 * (each in pieces, since Lua passes at most 8,000 values in a call).
 *
 * KEYS[1]  the shard
 * ARGV     expected commit ('' none yet) | commit prepare eventId | stamp | retired | unproved | legacy | changes
 *          '' leaves stamp and marks as they are; legacy is `set=difference,…`; see shard-state.ts for the forms
 * Answers  the number of refused changes; the checkpoint's text where it is another; nil where there is no such shard
 */
export const WRITE_SHARD = script(`
local PIECE = 3500
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return false end
local commit, prepare, event, stamp, retired, unproved, legacy =
  string.match(state, '^(%S*) (%S*) (%S*) (%S*) (%d) (%d) (%S*)$')
if not commit then return redis.error_reply('LATCHKEY the state of a shard is unreadable') end
if commit ~= ARGV[1] then return commit .. ' ' .. prepare .. ' ' .. event end

local blob, at, n = ARGV[7], 1, 0
local verbs, owners, fields, records, touched, held, changed = {}, {}, {}, {}, {}, {}, {}
while at <= #blob do
  n = n + 1
  verbs[n], owners[n], fields[n], records[n], at = struct.unpack('<BHHc0Hc0', blob, at)
  local field = fields[n]
  if held[field] == nil then
    held[field] = false
    touched[#touched + 1] = field
  end
end
for from = 1, #touched, PIECE do
  local upTo = math.min(from + PIECE - 1, #touched)
  local values = redis.call('HMGET', KEYS[1], unpack(touched, from, upTo))
  for i = 1, upTo - from + 1 do held[touched[from + i - 1]] = values[i] end
end

local refused = 0
for i = 1, n do
  local verb, field, record = verbs[i], fields[i], records[i]
  local has = held[field]
  local may = verb == ${VERBS.put}
  if has then may = string.sub(has, 1, owners[i]) == string.sub(record, 1, owners[i]) end
  if not has and verb ~= ${VERBS.put} then may = false end
  if may then
    held[field] = verb ~= ${VERBS.remove} and record
    changed[field] = true
  else
    refused = refused + 1
  end
end

local sets, dels = {}, {}
for i = 1, #touched do
  local field = touched[i]
  if changed[field] then
    if held[field] then
      sets[#sets + 1] = field
      sets[#sets + 1] = held[field]
    else
      dels[#dels + 1] = field
    end
  end
end
for from = 1, #sets, 2 * PIECE do
  redis.call('HSET', KEYS[1], unpack(sets, from, math.min(from + 2 * PIECE - 1, #sets)))
end
for from = 1, #dels, PIECE do
  redis.call('HDEL', KEYS[1], unpack(dels, from, math.min(from + PIECE - 1, #dels)))
end

if ARGV[6] ~= '' then
  local counts = {}
  for set, count in string.gmatch(legacy .. ',' .. ARGV[6], '([^=,]+)=(-?%d+)') do
    counts[set] = (counts[set] or 0) + tonumber(count)
  end
  local parts = {}
  for set, count in pairs(counts) do
    if count ~= 0 then parts[#parts + 1] = string.format('%s=%d', set, count) end
  end
  table.sort(parts)
  legacy = table.concat(parts, ',')
end
if ARGV[3] ~= '' then stamp = ARGV[3] end
if ARGV[4] ~= '' then retired = ARGV[4] end
if ARGV[5] ~= '' then unproved = ARGV[5] end
redis.call('HSET', KEYS[1], 'state', table.concat({ ARGV[2], stamp, retired, unproved, legacy }, ' '))
return refused
`);

/**
 * KEYS pointer, generations; ARGV the generation that the pointer must name ('' none), and the one it names afterwards.
 * Answers 1 or 0.
 */
export const SWITCH_LIVE = script(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
`);

/** KEYS a shard; ARGV its state: whatever was there is gone. */
export const CREATE_SHARD = script(`
redis.call('UNLINK', KEYS[1])
return redis.call('HSET', KEYS[1], 'state', ARGV[1])
`);

/**
 * KEYS a hash; ARGV how many ms must have passed, then field and Unix ms by turns. Of several processes that saw the same
 * key in use, one writes. Answers the time that is there now, for each field.
 */
export const NOTE_LAST_USE = script(`
local times = {}
for i = 2, #ARGV, 2 do
  local time = redis.call('HGET', KEYS[1], ARGV[i])
  if not time or tonumber(ARGV[i + 1]) - tonumber(time) > tonumber(ARGV[1]) then
    time = ARGV[i + 1]
    redis.call('HSET', KEYS[1], ARGV[i], time)
  end
  times[#times + 1] = time
end
return times
`);

export function script(lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}
