# Idempotency keys: a request that is sent again is done once, and answered as it was.

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: a-1
>
> {"value":"1","type":"number"}
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "once",
<   "key": "k",
<   "value": "1",
<   "type": "number",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

In between it is changed.
> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
>
> {"value":"2"}
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "once",
<   "key": "k",
<   "value": "2",
<   "type": "string",
<   "version": 2,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

The same again, from any node, with quotes or without.
> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: "a-1"
>
> {"value":"1","type":"number"}
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "once",
<   "key": "k",
<   "value": "1",
<   "type": "number",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower bearer-admin PUT /api/v1/config/once/-/k
> Content-Type: application/json
> Idempotency-Key: a-1
>
> {"value":"1","type":"number"}
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "once",
<   "key": "k",
<   "value": "1",
<   "type": "number",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

It was not done again.
> leader reader GET /api/v1/config/once/k
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r3>
<
< {
<   "namespace": "once",
<   "key": "k",
<   "value": "2",
<   "type": "string",
<   "version": 2,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Another request under that key: another value, another condition, another path, another method.
> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: a-1
>
> {"value":"3"}
< 422 Unprocessable Entity
< content-type: application/problem+json
< x-confman-version: <r4>
<
< {
<   "type": "https://confman/errors/idempotency-mismatch",
<   "title": "Idempotency key used for another request",
<   "status": 422,
<   "detail": "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new one for each request, and the same one only to send a request again as it was",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: a-1
> If-Match: *
>
> {"value":"1","type":"number"}
< 422 Unprocessable Entity
< content-type: application/problem+json
< x-confman-version: <r5>
<
< {
<   "type": "https://confman/errors/idempotency-mismatch",
<   "title": "Idempotency key used for another request",
<   "status": 422,
<   "detail": "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new one for each request, and the same one only to send a request again as it was",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/namespaces/once
> Content-Type: application/json
> Idempotency-Key: a-1
>
> {"description":"d","owner":"o"}
< 422 Unprocessable Entity
< content-type: application/problem+json
< x-confman-version: <r6>
<
< {
<   "type": "https://confman/errors/idempotency-mismatch",
<   "title": "Idempotency key used for another request",
<   "status": 422,
<   "detail": "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new one for each request, and the same one only to send a request again as it was",
<   "instance": "/api/v1/namespaces/once",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/config/once/k
> Idempotency-Key: a-1
< 422 Unprocessable Entity
< content-type: application/problem+json
< x-confman-version: <r7>
<
< {
<   "type": "https://confman/errors/idempotency-mismatch",
<   "title": "Idempotency key used for another request",
<   "status": 422,
<   "detail": "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new one for each request, and the same one only to send a request again as it was",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

What was refused stays refused.
> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: a-2
> If-Match: "1:1"
>
> {"value":"4"}
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r2>"
< x-confman-version: <r8>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r2> now. Read it, and decide again",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>",
<   "current": "<r2>"
< }

> leader admin DELETE /api/v1/config/once/k
> Idempotency-Key: a-3
< 204 No Content
< x-confman-version: <r9>

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: a-2
> If-Match: "1:1"
>
> {"value":"4"}
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r2>"
< x-confman-version: <r8>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r2> now. Read it, and decide again",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>",
<   "current": "<r2>"
< }

A delete, of what was there and of what was not.
> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
>
> {"value":"5"}
< 201 Created
< content-type: application/json
< etag: "<r10>"
< x-confman-version: <r10>
<
< {
<   "namespace": "once",
<   "key": "k",
<   "value": "5",
<   "type": "string",
<   "version": 1,
<   "revision": "<r10>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin DELETE /api/v1/config/once/k
> Idempotency-Key: a-3
< 204 No Content
< x-confman-version: <r9>

> leader reader HEAD /api/v1/config/once/k
< 200 OK
< content-type: application/json
< etag: "<r10>"
< x-confman-version: <r11>

> leader admin DELETE /api/v1/config/once/k
< 204 No Content
< x-confman-version: <r12>

> leader admin DELETE /api/v1/config/once/k
> Idempotency-Key: a-4
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r13>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
>
> {"value":"6"}
< 201 Created
< content-type: application/json
< etag: "<r14>"
< x-confman-version: <r14>
<
< {
<   "namespace": "once",
<   "key": "k",
<   "value": "6",
<   "type": "string",
<   "version": 1,
<   "revision": "<r14>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin DELETE /api/v1/config/once/k
> Idempotency-Key: a-4
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r13>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

Namespaces.
> leader admin PUT /api/v1/namespaces/once
> Content-Type: application/json
> Idempotency-Key: a-5
>
> {"description":"d","owner":"o"}
< 200 OK
< content-type: application/json
< etag: "<r15>"
< x-confman-version: <r15>
<
< {
<   "path": "once",
<   "description": "d",
<   "owner": "o",
<   "createdAt": "<time>",
<   "revision": "<r15>"
< }

> leader admin DELETE /api/v1/namespaces/once
> Idempotency-Key: a-6
< 409 Conflict
< content-type: application/problem+json
< x-confman-version: <r16>
<
< {
<   "type": "https://confman/errors/namespace-not-empty",
<   "title": "Namespace not empty",
<   "status": 409,
<   "detail": "the namespace has entries, nothing was deleted: delete first what GET /api/v1/config/once lists",
<   "instance": "/api/v1/namespaces/once",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/config/once/k
< 204 No Content
< x-confman-version: <r17>

> leader admin DELETE /api/v1/namespaces/once
> Idempotency-Key: a-6
< 409 Conflict
< content-type: application/problem+json
< x-confman-version: <r16>
<
< {
<   "type": "https://confman/errors/namespace-not-empty",
<   "title": "Namespace not empty",
<   "status": 409,
<   "detail": "the namespace has entries, nothing was deleted: delete first what GET /api/v1/config/once lists",
<   "instance": "/api/v1/namespaces/once",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/namespaces/once
< 204 No Content
< x-confman-version: <r18>

> leader admin PUT /api/v1/namespaces/once
> Content-Type: application/json
> Idempotency-Key: a-5
>
> {"description":"d","owner":"o"}
< 200 OK
< content-type: application/json
< etag: "<r15>"
< x-confman-version: <r15>
<
< {
<   "path": "once",
<   "description": "d",
<   "owner": "o",
<   "createdAt": "<time>",
<   "revision": "<r15>"
< }

> leader reader HEAD /api/v1/namespaces/once
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r19>

The audit has each change once.
> leader reader GET /api/v1/audit/once?limit=3
< 200 OK
< content-type: application/json
< x-confman-version: <r19>
<
< {
<   "items": [
<     {
<       "id": "<r18>:0",
<       "timestamp": "<time>",
<       "action": "namespace.delete",
<       "actor": "admin@test",
<       "namespace": "once",
<       "oldDigest": "sha256:7b66bf655bf5896c722d44ad24a896a83e4d826021637d1f15bd19f40273f076",
<       "revision": "<r18>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 1>",
<       "hash": "<hash 2>"
<     },
<     {
<       "id": "<r17>:0",
<       "timestamp": "<time>",
<       "action": "config.delete",
<       "actor": "admin@test",
<       "namespace": "once",
<       "key": "k",
<       "oldValue": "6",
<       "oldDigest": "sha256:4778f83f73a57b353a4705e6f73396f30d72cfbf5014021ae68d05fd6715c128",
<       "revision": "<r17>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 3>",
<       "hash": "<hash 1>"
<     },
<     {
<       "id": "<r15>:0",
<       "timestamp": "<time>",
<       "action": "namespace.set",
<       "actor": "admin@test",
<       "namespace": "once",
<       "oldDigest": "sha256:1ccd47362275a7dcb5bd2687c56a273f1d3e42a64ff92f0ae599ca384a44d24d",
<       "newDigest": "sha256:7b66bf655bf5896c722d44ad24a896a83e4d826021637d1f15bd19f40273f076",
<       "revision": "<r15>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 4>",
<       "hash": "<hash 3>"
<     }
<   ],
<   "revision": "<r19>",
<   "pagination": {
<     "limit": 3,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

What is no key.
> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: a b
>
> {"value":"7"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "Idempotency-Key: an idempotency key is 1 to 255 visible ASCII characters, with or without quotes around them",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: "a
>
> {"value":"7"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "Idempotency-Key: an idempotency key is 1 to 255 visible ASCII characters, with or without quotes around them",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: ""
>
> {"value":"7"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "Idempotency-Key: an idempotency key is 1 to 255 visible ASCII characters, with or without quotes around them",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: {{256 times x}}
>
> {"value":"7"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "Idempotency-Key: an idempotency key is 1 to 255 visible ASCII characters, with or without quotes around them",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/once/k
> Content-Type: application/json
> Idempotency-Key: a
> Idempotency-Key: a
>
> {"value":"7"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "Idempotency-Key is given twice: give it once",
<   "instance": "/api/v1/config/once/k",
<   "requestId": "<request id>"
< }

The members are no state.
> leader admin DELETE /api/v1/cluster/members/9
> Idempotency-Key: a
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the cluster is not changed under an Idempotency-Key: leave it out. What is so already is not done again",
<   "instance": "/api/v1/cluster/members/9",
<   "requestId": "<request id>"
< }
