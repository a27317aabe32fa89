-- Makes the requests of `cargo xtask bench ingest`: page views of many visitors, made beforehand.
-- The argument is how many milliseconds a connection rests before its next request, on average: if
-- all rested as long as each other, they would all ask at once, again and again.
local requests, at, rest = {}, 0, 0
local body = '{"type":"track","payload":{"name":"screen_view","properties":{' ..
  '"__path":"https://shop.example/products/%d?utm_source=news&utm_campaign=spring",' ..
  '"__title":"Product %d of the shop","__referrer":"https://www.google.com/",' ..
  '"plan":"pro","position":%d,"is_new":true,"labels":["red","blue"]}}}'

function init(arguments)
  rest = tonumber(arguments[1] or '0')
  for number = 1, 10000 do
    wrk.headers['openpanel-client-ip'] = string.format('203.%d.%d.7', number % 200, number / 200)
    local text = string.format(body, number % 997, number % 997, number)
    requests[number] = wrk.format('POST', nil, nil, text)
  end
  if rest > 0 then
    function delay()
      return math.random(0, 2 * rest)
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
