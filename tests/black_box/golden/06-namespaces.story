# Namespaces.

> leader reader GET /api/v1/namespaces/spaces%2Fpay
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r1>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such namespace: make it with PUT, or by setting an entry in it. GET /api/v1/namespaces lists those there are",
<   "instance": "/api/v1/namespaces/spaces%2Fpay",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/namespaces/spaces%2Fpay
> Content-Type: application/json
>
> {"description":"What the payment services read","owner":"payments@example.org"}
< 201 Created
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "path": "spaces/pay",
<   "description": "What the payment services read",
<   "owner": "payments@example.org",
<   "createdAt": "<time>",
<   "revision": "<r2>"
< }

> leader admin PUT /api/v1/namespaces/spaces/pay/-
> Content-Type: application/json
>
> {"description":"","owner":"payments@example.org"}
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "path": "spaces/pay",
<   "description": "",
<   "owner": "payments@example.org",
<   "createdAt": "<time>",
<   "revision": "<r3>"
< }

> follower reader GET /api/v1/namespaces/spaces%2Fpay
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "path": "spaces/pay",
<   "description": "",
<   "owner": "payments@example.org",
<   "createdAt": "<time>",
<   "revision": "<r3>"
< }

> leader reader HEAD /api/v1/namespaces/spaces%2Fpay
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>

> leader reader GET /api/v1/namespaces/spaces%2Fpay
> If-None-Match: {{etag}}
< 304 Not Modified
< etag: "<r3>"
< x-confman-version: <r3>

Entries make their namespace, owned by who set them.
> leader admin PUT /api/v1/config/spaces/k
> Content-Type: application/json
>
> {"value":"v"}
< 201 Created
< content-type: application/json
< etag: "<r4>"
< x-confman-version: <r4>
<
< {
<   "namespace": "spaces",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r4>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader GET /api/v1/namespaces/spaces
< 200 OK
< content-type: application/json
< etag: "<r4>"
< x-confman-version: <r4>
<
< {
<   "path": "spaces",
<   "description": "",
<   "owner": "admin@test",
<   "createdAt": "<time>",
<   "revision": "<r4>"
< }

> leader reader GET /api/v1/namespaces?prefix=spaces
< 200 OK
< content-type: application/json
< etag: W/"<r4>"
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "path": "spaces",
<       "description": "",
<       "owner": "admin@test",
<       "createdAt": "<time>",
<       "revision": "<r4>"
<     },
<     {
<       "path": "spaces/pay",
<       "description": "",
<       "owner": "payments@example.org",
<       "createdAt": "<time>",
<       "revision": "<r3>"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/namespaces?prefix=spaces&limit=1
< 200 OK
< content-type: application/json
< etag: W/"<r4>"
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "path": "spaces",
<       "description": "",
<       "owner": "admin@test",
<       "createdAt": "<time>",
<       "revision": "<r4>"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/namespaces?prefix=spaces&limit=1&cursor={{cursor}}
< 200 OK
< content-type: application/json
< etag: W/"<r4>"
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "path": "spaces/pay",
<       "description": "",
<       "owner": "payments@example.org",
<       "createdAt": "<time>",
<       "revision": "<r3>"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": false
<   }
< }

> leader reader HEAD /api/v1/namespaces
< 200 OK
< content-type: application/json
< etag: W/"<r4>"
< x-confman-version: <r4>

One with entries is not deleted.
> leader admin DELETE /api/v1/namespaces/spaces
< 409 Conflict
< content-type: application/problem+json
< x-confman-version: <r5>
<
< {
<   "type": "https://confman/errors/namespace-not-empty",
<   "title": "Namespace not empty",
<   "status": 409,
<   "detail": "the namespace has entries, nothing was deleted: delete first what GET /api/v1/config/spaces lists",
<   "instance": "/api/v1/namespaces/spaces",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/config/spaces/k
< 204 No Content
< x-confman-version: <r6>

> leader admin DELETE /api/v1/namespaces/spaces
< 204 No Content
< x-confman-version: <r7>

> leader admin DELETE /api/v1/namespaces/spaces
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r8>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such namespace: make it with PUT, or by setting an entry in it. GET /api/v1/namespaces lists those there are",
<   "instance": "/api/v1/namespaces/spaces",
<   "requestId": "<request id>"
< }

Bodies that do not fit.
> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: missing field `owner` at line 1 column 19. Send one like {\"description\":\"...\",\"owner\":\"team@example.org\"}",
<   "instance": "/api/v1/namespaces/spaces",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x","owner":""}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a namespace has an owner: name who answers for it",
<   "instance": "/api/v1/namespaces/spaces",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"{{4097 times x}}","owner":"o"}
< 413 Payload Too Large
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/payload-too-large",
<   "title": "Payload too large",
<   "status": 413,
<   "detail": "a description is at most 4096 bytes, this one has 4097",
<   "instance": "/api/v1/namespaces/spaces",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x","owner":"{{257 times o}}"}
< 413 Payload Too Large
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/payload-too-large",
<   "title": "Payload too large",
<   "status": 413,
<   "detail": "an owner is at most 256 bytes, this one has 257",
<   "instance": "/api/v1/namespaces/spaces",
<   "requestId": "<request id>"
< }

> leader reader PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x","owner":"o"}
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/namespaces/spaces",
<   "requestId": "<request id>"
< }
