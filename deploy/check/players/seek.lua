-- A viewer who drags along a paused film: each time mpv shows the place of a jump it says where it is, and is sent
-- elsewhere. After the last jump the film goes on, or this never ends.
local count = tonumber(mp.get_opt("seek-count"))
local jumps = 0

local function place(number)
  return (number * 137) % 97 / 100 * mp.get_property_number("duration")
end

local function play_on()
  local from = mp.get_property_number("time-pos")
  mp.set_property_bool("pause", false)
  mp.observe_property("time-pos", "number", function(_, at)
    if at and at > from + 1 then
      mp.command("quit")
    end
  end)
end

mp.register_event("playback-restart", function()
  if jumps > 0 and jumps <= count then
    io.stdout:write(string.format("at %.2f\n", mp.get_property_number("time-pos")))
  end
  jumps = jumps + 1
  if jumps <= count then
    mp.commandv("seek", place(jumps), "absolute+exact")
  elseif jumps == count + 1 then
    play_on()
  end
end)
