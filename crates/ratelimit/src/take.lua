-- Takes tokens from token buckets, each for itself: all that are asked for, or none.
-- The arithmetic is that of bucket.rs, to the last bit. Numbers are doubles here, and every
-- one below is a whole number of at most 2^53, which doubles hold exactly.
--
-- KEYS: the buckets.
-- ARGV: how many tokens to take from each (0 only looks, and writes nothing); then for each
--       bucket its limit and its window in seconds.
-- Replies with the time in microseconds, and for each bucket the parts that were missing then,
-- before anything was taken.
--
-- What is kept of a bucket: the parts that are missing, the time in microseconds that goes with
-- it, and the limit and window it was counted at. It expires when the bucket is full.

local cost = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- missing * to / from, rounded up. The product has up to 106 bits, so it is built up bit by bit
-- from the top, and divided as it grows: quotient and rest stay within 53 bits.
local function rescale(missing, from, to)
  local quotient, rest = 0, 0
  local function add(number)
    if rest >= from - number then
      rest = rest - (from - number)
      quotient = quotient + 1
    else
      rest = rest + number
    end
  end
  for bit = 53, 0, -1 do
    quotient = quotient * 2
    add(rest)
    if math.floor(to / 2 ^ bit) % 2 == 1 then
      add(missing)
    end
  end
  if rest > 0 then
    quotient = quotient + 1
  end
  return quotient
end

local reply = {now}
for index, key in ipairs(KEYS) do
  local limit, window = ARGV[2 * index], ARGV[2 * index + 1]
  local token = window * 1000000
  local capacity = limit * token
  local missing = 0

  local parts, as_of, old_limit, old_window =
    string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%d+) (%d+)$')
  if parts then
    -- Where elapsed * old_limit is beyond 2^53 it is rounded, but the bucket is full anyway.
    local elapsed = math.max(0, now - as_of)
    missing = math.max(0, parts - elapsed * old_limit)
    if limit ~= old_limit or window ~= old_window then
      missing = rescale(missing, old_limit * old_window * 1000000, capacity)
    end
  end
  reply[index + 1] = missing

  if cost > 0 then
    if cost * token <= capacity - missing then
      missing = missing + cost * token
    end
    if missing > 0 then
      -- Two milliseconds more than needed: one for rounding, one for what is left of this one.
      local full_in = math.ceil(missing / limit / 1000) + 2
      redis.call('SET', key, string.format('%.0f %.0f %s %s', missing, now, limit, window),
        'PX', string.format('%.0f', full_in))
    else
      redis.call('DEL', key)
    end
  end
end
return reply
