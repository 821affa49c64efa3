-- A signed delivery with an id of its own each time. Arguments: path, signature, body file; then what to count as a prefix of ids;
-- then how many senders of different addresses are meant (the server trusts us as a proxy), or 0; then, if the runs that were
-- answered are to be known, the file that their ids go to.
local path, headers, body, prefix, n, senders

function init(args)
  path = args[1]
  headers = {["Content-Type"] = "application/json", ["X-Hub-Signature-256"] = "sha256=" .. args[2], ["X-GitHub-Event"] = "push"}
  local file = assert(io.open(args[3], "rb"))
  body = file:read("*a")
  file:close()
  prefix, n, senders = args[4], 0, tonumber(args[5])
  if senders == 0 then senders = nil end
  if args[6] then
    local answered = assert(io.open(args[6], "a"))
    answered:setvbuf("line") -- `done` belongs to another state and cannot close it
    response = function(status, fields)
      if status == 200 then answered:write(fields["Sallyport-Run"] or fields["sallyport-run"], "\n") end
    end
  end
end

function request()
  n = n + 1
  headers["X-GitHub-Delivery"] = prefix .. n
  if senders then
    headers["X-Forwarded-For"] = string.format("10.1.%d.%d", n % senders / 250, n % senders % 250)
  end
  return wrk.format("POST", path, headers, body)
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"p50_us":%d,"p99_us":%d,"failed":%d,"lost":%d}\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
