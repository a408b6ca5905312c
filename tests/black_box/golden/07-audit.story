# Audit: who changed what.

> leader reader GET /api/v1/audit/audited
< 200 OK
< content-type: application/json
< x-confman-version: <r1>
<
< {
<   "items": [],
<   "revision": "<r1>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader admin PUT /api/v1/config/audited/k
> Content-Type: application/json
> X-Request-ID: first-set
>
> {"value":"1","type":"number"}
< 201 Created
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
< x-request-id: first-set
<
< {
<   "namespace": "audited",
<   "key": "k",
<   "value": "1",
<   "type": "number",
<   "version": 1,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader bearer-admin PUT /api/v1/config/audited/k
> Content-Type: application/json
> X-Request-ID: second-set
>
> {"value":"2"}
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
< x-request-id: second-set
<
< {
<   "namespace": "audited",
<   "key": "k",
<   "value": "2",
<   "type": "string",
<   "version": 2,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin DELETE /api/v1/config/audited/k
> X-Request-ID: delete
< 204 No Content
< x-confman-version: <r4>
< x-request-id: delete

What changed nothing is no event.
> leader admin DELETE /api/v1/config/audited/k
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r5>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/audited/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/namespaces/audited
> Content-Type: application/json
> X-Request-ID: describe
>
> {"description":"d","owner":"o"}
< 200 OK
< content-type: application/json
< etag: "<r6>"
< x-confman-version: <r6>
< x-request-id: describe
<
< {
<   "path": "audited",
<   "description": "d",
<   "owner": "o",
<   "createdAt": "<time>",
<   "revision": "<r6>"
< }

> leader admin DELETE /api/v1/namespaces/audited
> X-Request-ID: remove
< 204 No Content
< x-confman-version: <r7>
< x-request-id: remove

> leader reader GET /api/v1/audit/audited
< 200 OK
< content-type: application/json
< x-confman-version: <r7>
<
< {
<   "items": [
<     {
<       "id": "<r7>:0",
<       "timestamp": "<time>",
<       "action": "namespace.delete",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "oldDigest": "sha256:7b66bf655bf5896c722d44ad24a896a83e4d826021637d1f15bd19f40273f076",
<       "revision": "<r7>",
<       "requestId": "remove",
<       "previousHash": "<hash 1>",
<       "hash": "<hash 2>"
<     },
<     {
<       "id": "<r6>:0",
<       "timestamp": "<time>",
<       "action": "namespace.set",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "oldDigest": "sha256:1ccd47362275a7dcb5bd2687c56a273f1d3e42a64ff92f0ae599ca384a44d24d",
<       "newDigest": "sha256:7b66bf655bf5896c722d44ad24a896a83e4d826021637d1f15bd19f40273f076",
<       "revision": "<r6>",
<       "requestId": "describe",
<       "previousHash": "<hash 3>",
<       "hash": "<hash 1>"
<     },
<     {
<       "id": "<r4>:0",
<       "timestamp": "<time>",
<       "action": "config.delete",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "key": "k",
<       "oldValue": "2",
<       "oldDigest": "sha256:831af7c399fdb8d3683af98bedf5361dae34ba40c27a4df39c5777b5a9f12475",
<       "revision": "<r4>",
<       "requestId": "delete",
<       "previousHash": "<hash 4>",
<       "hash": "<hash 3>"
<     },
<     {
<       "id": "<r3>:0",
<       "timestamp": "<time>",
<       "action": "config.set",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "key": "k",
<       "oldValue": "1",
<       "newValue": "2",
<       "oldDigest": "sha256:5a3b3945440f53c4c45fdf537204a347fcef26c6a8105cea4adc30b91d1dd3b2",
<       "newDigest": "sha256:831af7c399fdb8d3683af98bedf5361dae34ba40c27a4df39c5777b5a9f12475",
<       "revision": "<r3>",
<       "requestId": "second-set",
<       "previousHash": "<hash 5>",
<       "hash": "<hash 4>"
<     },
<     {
<       "id": "<r2>:1",
<       "timestamp": "<time>",
<       "action": "config.set",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "key": "k",
<       "newValue": "1",
<       "newDigest": "sha256:5a3b3945440f53c4c45fdf537204a347fcef26c6a8105cea4adc30b91d1dd3b2",
<       "revision": "<r2>",
<       "requestId": "first-set",
<       "previousHash": "<hash 6>",
<       "hash": "<hash 5>"
<     },
<     {
<       "id": "<r2>:0",
<       "timestamp": "<time>",
<       "action": "namespace.set",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "newDigest": "sha256:1ccd47362275a7dcb5bd2687c56a273f1d3e42a64ff92f0ae599ca384a44d24d",
<       "revision": "<r2>",
<       "requestId": "first-set",
<       "previousHash": "<hash 7>",
<       "hash": "<hash 6>"
<     }
<   ],
<   "revision": "<r7>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

The same on every node; in pages.
> follower reader GET /api/v1/audit/audited?limit=1
< 200 OK
< content-type: application/json
< x-confman-version: <r7>
<
< {
<   "items": [
<     {
<       "id": "<r7>:0",
<       "timestamp": "<time>",
<       "action": "namespace.delete",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "oldDigest": "sha256:7b66bf655bf5896c722d44ad24a896a83e4d826021637d1f15bd19f40273f076",
<       "revision": "<r7>",
<       "requestId": "remove",
<       "previousHash": "<hash 1>",
<       "hash": "<hash 2>"
<     }
<   ],
<   "revision": "<r7>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/audit/audited?limit=1&cursor={{cursor}}
< 200 OK
< content-type: application/json
< x-confman-version: <r7>
<
< {
<   "items": [
<     {
<       "id": "<r6>:0",
<       "timestamp": "<time>",
<       "action": "namespace.set",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "oldDigest": "sha256:1ccd47362275a7dcb5bd2687c56a273f1d3e42a64ff92f0ae599ca384a44d24d",
<       "newDigest": "sha256:7b66bf655bf5896c722d44ad24a896a83e4d826021637d1f15bd19f40273f076",
<       "revision": "<r6>",
<       "requestId": "describe",
<       "previousHash": "<hash 3>",
<       "hash": "<hash 1>"
<     }
<   ],
<   "revision": "<r7>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/audit/payments?limit=1&cursor={{cursor}}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-cursor",
<   "title": "Invalid cursor",
<   "status": 400,
<   "detail": "the cursor was not made for this query: begin again without it, with the same path and query on all pages",
<   "instance": "/api/v1/audit/payments",
<   "requestId": "<request id>"
< }

All of it is for admins.
> leader admin GET /api/v1/audit?limit=1
< 200 OK
< content-type: application/json
< x-confman-version: <r7>
<
< {
<   "items": [
<     {
<       "id": "<r7>:0",
<       "timestamp": "<time>",
<       "action": "namespace.delete",
<       "actor": "admin@test",
<       "namespace": "audited",
<       "oldDigest": "sha256:7b66bf655bf5896c722d44ad24a896a83e4d826021637d1f15bd19f40273f076",
<       "revision": "<r7>",
<       "requestId": "remove",
<       "previousHash": "<hash 1>",
<       "hash": "<hash 2>"
<     }
<   ],
<   "revision": "<r7>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/audit?limit=1
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/audit",
<   "requestId": "<request id>"
< }

> leader admin HEAD /api/v1/audit
< 200 OK
< content-type: application/json
< x-confman-version: <r7>

> leader reader HEAD /api/v1/audit/audited
< 200 OK
< content-type: application/json
< x-confman-version: <r7>

The whole chain.
> leader admin GET /api/v1/audit/verify
< 200 OK
< content-type: application/json
< x-confman-version: <r7>
<
< {
<   "valid": true,
<   "events": <number>,
<   "firstId": "<r8>:0",
<   "lastId": "<r7>:0",
<   "lastHash": "<hash 2>",
<   "revision": "<r7>"
< }

> leader admin HEAD /api/v1/audit/verify
< 200 OK
< content-type: application/json
< x-confman-version: <r7>

> leader reader GET /api/v1/audit/verify
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/audit/verify",
<   "requestId": "<request id>"
< }

> leader admin GET /api/v1/audit/verify?limit=1
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "unknown query parameter \"limit\": this path takes consistency, minVersion, timeout, onStale",
<   "instance": "/api/v1/audit/verify",
<   "requestId": "<request id>"
< }

The audit of a namespace of that name.
> leader reader GET /api/v1/audit/verify/-
< 200 OK
< content-type: application/json
< x-confman-version: <r7>
<
< {
<   "items": [],
<   "revision": "<r7>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }
