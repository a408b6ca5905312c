# Heads that are too large or no HTTP, answered by the server itself, which closes the connection then.

> leader reader GET /api/v1/config/a/k
> X-Long: {{40000 times x}}
< 431 Request Header Fields Too Large
< connection: close
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/header-too-large",
<   "title": "Request headers too large",
<   "status": 431,
<   "detail": "a request's line and headers have at most 32768 bytes and 100 headers: send less",
<   "instance": "",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/{{40000 times k}}
< 431 Request Header Fields Too Large
< connection: close
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/header-too-large",
<   "title": "Request headers too large",
<   "status": 431,
<   "detail": "a request's line and headers have at most 32768 bytes and 100 headers: send less",
<   "instance": "",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/k
> Bad header: x
< 400 Bad Request
< connection: close
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "this is not a well-formed HTTP/1.1 request: correct its first line and its headers",
<   "instance": "",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/k with a space
< 400 Bad Request
< connection: close
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "this is not a well-formed HTTP/1.1 request: correct its first line and its headers",
<   "instance": "",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/ä
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a key is 1 to 512 characters of A-Z a-z 0-9 . _ ~ : @ / -",
<   "instance": "/api/v1/config/a/ä",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/k
> Host: another
< 400 Bad Request
< connection: close
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "an HTTP/1.1 request has one Host header: send it, once",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }
