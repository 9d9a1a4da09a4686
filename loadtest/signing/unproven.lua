-- Requests that prove no identity, each from another address: <file of tokens, or -> <milliseconds before the next>
local tokens, pause, at = {}, 0, 0

function init(args)
  pause = tonumber(args[2])
  if args[1] ~= "-" then
    for token in io.lines(args[1]) do tokens[#tokens + 1] = token end
  end
end

function request()
  at = at + 1
  local headers = {["X-Forwarded-For"] = string.format("10.%d.%d.%d", at / 65536 % 256, at / 256 % 256, at % 256)}
  if #tokens > 0 then headers["Authorization"] = "Bearer " .. tokens[at % #tokens + 1] end
  return wrk.format("GET", "/api/files", headers)
end

function delay()
  return pause
end
