# Query parameters and headers: what this release does not know or not have is said, never ignored.

> leader reader GET /api/v1/config/a/k?colour=red
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "unknown query parameter \"colour\": this path takes at, format, consistency, minVersion, timeout, onStale",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/cluster?pretty
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "unknown query parameter \"pretty\": this path takes none",
<   "instance": "/api/v1/cluster",
<   "requestId": "<request id>"
< }

> leader reader GET /health?pretty
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "unknown query parameter \"pretty\": this path takes none",
<   "instance": "/health",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a?limit=0
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "limit is a number from 1 to 1000",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a?limit=1001
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "limit is a number from 1 to 1000",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a?limit=ten
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "limit is a number from 1 to 1000",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a?limit=
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "limit is a number from 1 to 1000",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a?limit=1&limit=2
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "query parameter \"limit\" is given twice: give it once",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a?prefix=%f
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a '%' in a URL is followed by two hexadecimal digits; a '%' itself is written %25",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a?cursor=abc
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-cursor",
<   "title": "Invalid cursor",
<   "status": 400,
<   "detail": "the cursor was not made for this query: begin again without it, with the same path and query on all pages",
<   "instance": "/api/v1/config/a",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/a/k?hop=x
> Content-Type: application/json
>
> {"value":"v"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "hop counts redirects and is for Confman's own use: leave it out",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

Parts of the contract that this release does not have.
> leader reader GET /api/v1/watch?namespace=a
< 501 Not Implemented
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-implemented",
<   "title": "Not implemented",
<   "status": 501,
<   "detail": "GET /api/v1/watch is not built yet in this release: do without it",
<   "instance": "/api/v1/watch",
<   "requestId": "<request id>"
< }

> leader reader POST /api/v1/watch/ticket
< 501 Not Implemented
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-implemented",
<   "title": "Not implemented",
<   "status": 501,
<   "detail": "POST /api/v1/watch/ticket is not built yet in this release: do without it",
<   "instance": "/api/v1/watch/ticket",
<   "requestId": "<request id>"
< }

What this release has is asked for by name as well.
> leader reader GET /api/v1/config/a/k?consistency=eventual
> X-Confman-Consistency: eventual
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r1>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

What the client accepts.
> leader reader GET /api/v1/config/a/k
> Accept: text/html
< 406 Not Acceptable
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-acceptable",
<   "title": "Not acceptable",
<   "status": 406,
<   "detail": "answers are application/json or text/plain: send Accept: application/json, or none",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/k
> Accept: application/json;q=0, */*
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r1>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/k
> Accept: text/html, */*;q=0.1
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r1>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }

A request id of the client's own is in the answer; one that is none of ours is replaced.
> leader reader GET /api/v1/config/a/k
> X-Request-ID: order-66
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r1>
< x-request-id: order-66
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "order-66"
< }

> leader reader GET /api/v1/config/a/k
> X-Request-ID: two words
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r1>
< x-request-id: <another>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/a/k",
<   "requestId": "<request id>"
< }
