-- Ranges of one size, at random places of a file, the same ones in every run; made in advance.
--   wrk -s ranges.lua ... -- <range bytes> <bytes of the file to ask in> <milliseconds to wait between requests>
-- Places are multiples of the range's size; waits are random, up to twice what is given. The last line printed is JSON.

local many = 4096
local requests, next_one = {}, 0

function init(args)
  local size, span, pause = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
  math.randomseed(20240229)
  for number = 1, many do
    local first = size * math.random(0, math.floor(span / size) - 1)
    wrk.headers["Range"] = string.format("bytes=%d-%d", first, first + size - 1)
    requests[number] = wrk.format("GET", wrk.path)
  end
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end
  end
end

function request()
  next_one = next_one % many + 1
  return requests[next_one]
end

-- Without a `response` function wrk itself counts answers over 399; whether the others are the ranges asked for,
-- load.py tells from their bytes.
function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "bytes": %d, "errors": %d, "refused": %d, "p50_us": %d, "p99_us": %d, "max_us": %d}',
    summary.requests, summary.bytes, errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99), latency.max))
end
