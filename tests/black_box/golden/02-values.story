# Bodies and values that are refused: nothing is written, and the answer says what to send.

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"1,5","type":"number"}
< 422 Unprocessable Entity
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-value",
<   "title": "Invalid value",
<   "status": 422,
<   "detail": "the value is no number: trailing characters (line 1, column 2). Correct it, or set it as a string",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>",
<   "column": 2,
<   "line": 1
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"yes","type":"boolean"}
< 422 Unprocessable Entity
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-value",
<   "title": "Invalid value",
<   "status": 422,
<   "detail": "the value is no boolean: a boolean is true or false, in lower case with nothing around it (line 1, column 1). Correct it, or set it as a string",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>",
<   "column": 1,
<   "line": 1
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{\n \"a\":}","type":"json"}
< 422 Unprocessable Entity
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-value",
<   "title": "Invalid value",
<   "status": 422,
<   "detail": "the value is no json: expected value (line 2, column 6). Correct it, or set it as a string",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>",
<   "column": 6,
<   "line": 2
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"a: [1","type":"yaml"}
< 422 Unprocessable Entity
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-value",
<   "title": "Invalid value",
<   "status": 422,
<   "detail": "the value is no yaml: while parsing a flow sequence, expected ',' or ']' (line 2, column 1). Correct it, or set it as a string",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>",
<   "column": 1,
<   "line": 2
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v","type":"xml"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: unknown variant `xml`, expected one of `string`, `number`, `boolean`, `json`, `yaml` at line 1 column 25. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":5}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: invalid type: integer `5`, expected a string at line 1 column 10. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":null}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: invalid type: null, expected a string at line 1 column 13. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"type":"string"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: missing field `value` at line 1 column 17. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v","kind":"json"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: unknown field `kind`, expected `value` or `type` at line 1 column 19. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v","value":"w"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: duplicate field `value` at line 1 column 20. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> ["v"]
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: it is not a JSON object. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v"
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: EOF while parsing an object at line 1 column 12. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

A body that is none, and no body.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> value=v
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: it is not a JSON object. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: it is empty. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

Half of a surrogate pair is no text, nor are bytes that are not UTF-8.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"\ud83d"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: unexpected end of hex escape at line 1 column 17. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{{byte ff}}"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: byte 11 is not UTF-8. Send one like {\"value\":\"...\",\"type\":\"string\"}",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

What curl -d sends when nothing is said, and other types.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/x-www-form-urlencoded
>
> {"value":"v"}
< 415 Unsupported Media Type
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/unsupported-media-type",
<   "title": "Unsupported media type",
<   "status": 415,
<   "detail": "the body came as a form, which is what curl -d sends: add -H 'Content-Type: application/json'",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
>
> {"value":"v"}
< 415 Unsupported Media Type
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/unsupported-media-type",
<   "title": "Unsupported media type",
<   "status": 415,
<   "detail": "send JSON, and say so: Content-Type: application/json",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: text/html
>
> {"value":"v"}
< 415 Unsupported Media Type
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/unsupported-media-type",
<   "title": "Unsupported media type",
<   "status": 415,
<   "detail": "send JSON, and say so: Content-Type: application/json",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json; charset=latin1
>
> {"value":"v"}
< 415 Unsupported Media Type
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/unsupported-media-type",
<   "title": "Unsupported media type",
<   "status": 415,
<   "detail": "send the body in UTF-8",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
> Content-Encoding: gzip
>
> {"value":"v"}
< 415 Unsupported Media Type
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/unsupported-media-type",
<   "title": "Unsupported media type",
<   "status": 415,
<   "detail": "send the body without Content-Encoding \"gzip\"",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

A value of one byte too many, and a body.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{{1048577 times v}}"}
< 413 Payload Too Large
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/payload-too-large",
<   "title": "Payload too large",
<   "status": 413,
<   "detail": "a value is at most 1048576 bytes, this one has 1048577",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{{8388608 times v}}"}
< 413 Payload Too Large
< connection: close
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/payload-too-large",
<   "title": "Payload too large",
<   "status": 413,
<   "detail": "a body is at most 8388608 bytes",
<   "instance": "/api/v1/config/values/k",
<   "requestId": "<request id>"
< }

Nothing of this was written.
> leader reader GET /api/v1/config/values
< 200 OK
< content-type: application/json
< etag: W/"<r1>"
< x-confman-version: <r2>
<
< {
<   "items": [],
<   "revision": "<r2>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }
