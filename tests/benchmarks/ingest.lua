-- wrk script: posts one of the prepared bodies after the other, each time with message ids never used before.
-- arguments: FILE with one body a line, \1 for a newline; the mark of an id; the Authorization header; the path
local pieces, turn, counter, path = {}, 0, 0, "/v1/batch"

function init(args)
  local file, mark, authorization = args[1], args[2], args[3]
  path = args[4] or path
  for line in io.lines(file) do
    line = line:gsub("\1", "\n")
    local parts, from = {}, 1
    while true do
      local at = string.find(line, mark, from, true)
      if not at then break end
      parts[#parts + 1] = string.sub(line, from, at - 1)
      parts[#parts + 1] = ""
      from = at + #mark
    end
    parts[#parts + 1] = string.sub(line, from)
    pieces[#pieces + 1] = parts
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = authorization
  math.randomseed(os.time())
  prefix = string.format("%08x-%04x-7%03x-9", math.random(0, 2 ^ 31 - 1), math.random(0, 65535), math.random(0, 4095))
end

function request()
  turn = turn % #pieces + 1
  local parts = pieces[turn]
  for index = 2, #parts, 2 do
    counter = counter + 1
    parts[index] = string.format("%s%03x-%012x", prefix, counter % 4096, counter)
  end
  return wrk.format(nil, path, nil, table.concat(parts))
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %.0f %.0f\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
