-- What `wrk` knows and does not say by itself, in microseconds: as `wrk.rs` reads it.
function done(summary, latency, requests)
  local tail = { latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max }
  io.write("tail: " .. table.concat(tail, " ") .. "\n")
end
