# Names and paths: what is a namespace, what is a key, and what is neither.

> leader reader GET /api/v1/config/a%20b/k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
<   "instance": "/api/v1/config/a%20b/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/-a/k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
<   "instance": "/api/v1/config/-a/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a%2F%2Fb/k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
<   "instance": "/api/v1/config/a%2F%2Fb/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/b%2F%2Fc
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a key has no empty, '.' or '..' segment between its slashes",
<   "instance": "/api/v1/config/a/b%2F%2Fc",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/%C3%A4
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a key is 1 to 512 characters of A-Z a-z 0-9 . _ ~ : @ / -",
<   "instance": "/api/v1/config/a/%C3%A4",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/b%00c
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a key is 1 to 512 characters of A-Z a-z 0-9 . _ ~ : @ / -",
<   "instance": "/api/v1/config/a/b%00c",
<   "requestId": "<request id>"
< }

A namespace of nine segments, a segment of 65 characters, a key of 513.
> leader reader GET /api/v1/config/a/b/c/d/e/f/g/h/i/-/k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
<   "instance": "/api/v1/config/a/b/c/d/e/f/g/h/i/-/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/{{65 times a}}/k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
<   "instance": "/api/v1/config/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/{{513 times k}}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a key is 1 to 512 characters of A-Z a-z 0-9 . _ ~ : @ / -",
<   "instance": "/api/v1/config/a/kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
<   "requestId": "<request id>"
< }

Dots are names only where they are part of one.
> leader reader GET /api/v1/config/a/-/../k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a key has no empty, '.' or '..' segment between its slashes",
<   "instance": "/api/v1/config/a/-/../k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/%2e%2e
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a key has no empty, '.' or '..' segment between its slashes",
<   "instance": "/api/v1/config/a/%2e%2e",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/../cluster
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
<   "instance": "/api/v1/config/../cluster",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/%2e%2e/cluster
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
<   "instance": "/api/v1/config/%2e%2e/cluster",
<   "requestId": "<request id>"
< }

Percent signs that say nothing, and bytes that are no UTF-8.
> leader reader GET /api/v1/config/%zz/k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a '%' in a URL is followed by two hexadecimal digits; a '%' itself is written %25",
<   "instance": "/api/v1/config/%zz/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/%f
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a '%' in a URL is followed by two hexadecimal digits; a '%' itself is written %25",
<   "instance": "/api/v1/config/a/%f",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/%ff/k
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "what is percent-encoded in a URL must be UTF-8",
<   "instance": "/api/v1/config/%ff/k",
<   "requestId": "<request id>"
< }

Paths that there are not. Case counts, and so does every slash.
> leader reader GET /
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/api/v1",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/api/v1/",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v2/config/a/k
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/api/v2/config/a/k",
<   "requestId": "<request id>"
< }

> leader reader GET /API/v1/config/a/k
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/API/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader reader GET //api/v1/config/a/k
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "//api/v1/config/a/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/api/v1/config",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in /api/v1/config/teams/payments/-/db/url",
<   "instance": "/api/v1/config/",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in /api/v1/config/teams/payments/-/db/url",
<   "instance": "/api/v1/config/a/",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/a/b/c
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in /api/v1/config/teams/payments/-/db/url",
<   "instance": "/api/v1/config/a/b/c",
<   "requestId": "<request id>"
< }

> leader reader GET /health/
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/health/",
<   "requestId": "<request id>"
< }

Neither does a key make a path, nor the lack of one hide that there is none.
> leader nobody GET /api/v1/nothing
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/api/v1/nothing",
<   "requestId": "<request id>"
< }

> leader reader HEAD /api/v1/nothing
< 404 Not Found
< content-type: application/problem+json

> leader admin DELETE /api/v1/nothing
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. GET /openapi.json has all there are",
<   "instance": "/api/v1/nothing",
<   "requestId": "<request id>"
< }
