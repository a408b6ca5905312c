# Methods that a path does not have, with the ones it has.

> leader admin PATCH /api/v1/config/a/k
< 405 Method Not Allowed
< allow: GET, HEAD, PUT, DELETE
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD, PUT, DELETE",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/config/a
< 405 Method Not Allowed
< allow: GET, HEAD
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/a
> Content-Type: application/json
>
> {"value":"v"}
< 405 Method Not Allowed
< allow: GET, HEAD
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/audit
< 405 Method Not Allowed
< allow: GET, HEAD
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD",
<   "instance": "/api/v1/audit",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/namespaces
> Content-Type: application/json
>
> {"description":"x","owner":"o"}
< 405 Method Not Allowed
< allow: GET, HEAD
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD",
<   "instance": "/api/v1/namespaces",
<   "requestId": "<request id>"
< }

> leader nobody POST /health
< 405 Method Not Allowed
< allow: GET, HEAD
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD",
<   "instance": "/health",
<   "requestId": "<request id>"
< }

> leader nobody OPTIONS /api/v1/config/a/k
< 405 Method Not Allowed
< allow: GET, HEAD, PUT, DELETE
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD, PUT, DELETE",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader nobody OPTIONS /health
< 405 Method Not Allowed
< allow: GET, HEAD
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD",
<   "instance": "/health",
<   "requestId": "<request id>"
< }

> leader admin HEAD /api/v1/txn
< 405 Method Not Allowed
< allow: POST
< content-type: application/problem+json

> leader nobody TRACE /health
< 405 Method Not Allowed
< allow: GET, HEAD
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD",
<   "instance": "/health",
<   "requestId": "<request id>"
< }

> leader admin BREW /api/v1/config/a/k
< 405 Method Not Allowed
< allow: GET, HEAD, PUT, DELETE
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/method-not-allowed",
<   "title": "Method not allowed",
<   "status": 405,
<   "detail": "this path takes GET, HEAD, PUT, DELETE",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader nobody OPTIONS *
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "*",
<   "requestId": "<request id>"
< }

> leader nobody CONNECT example.org:443
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "",
<   "requestId": "<request id>"
< }

> leader nobody GET http://example.org/health
< 200 OK
< content-type: application/json
<
< {
<   "status": "healthy"
< }
