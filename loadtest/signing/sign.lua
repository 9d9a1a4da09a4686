-- Asks for signed URLs, user after user: <file of tokens.mjs> <path, %s for a file id> <files in a body, 0: none>
local requests, at = {}, 0

function init(args)
  local batch = tonumber(args[3])
  for line in io.lines(args[1]) do
    local fields = {}
    for field in line:gmatch("[^\t]+") do fields[#fields + 1] = field end
    local headers = {["Authorization"] = "Bearer " .. fields[2], ["Content-Type"] = "application/json"}
    local files = {}
    for index = 3, 2 + batch do files[#files + 1] = '"' .. fields[index] .. '"' end
    local body = '{"expiresIn": 3600}'
    if batch > 0 then body = '{"fileIds": [' .. table.concat(files, ",") .. '], "expiresIn": 3600}' end
    requests[#requests + 1] = wrk.format("POST", (args[2]:gsub("%%s", fields[3])), headers, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

wrong = 0
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function response(status)
  if status ~= 200 then wrong = wrong + 1 end
end

function done(summary)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get("wrong") end
  print(string.format("measured %d %d %d", summary.requests, summary.duration, refused))
end
