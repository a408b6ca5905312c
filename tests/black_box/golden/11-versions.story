A read that names a version shows it and what came before it, on every node.

> leader admin PUT /api/v1/config/versions/k
> Content-Type: application/json
>
> {"value":"v"}
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "versions",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower reader GET /api/v1/config/versions/k
> X-Confman-Min-Version: {{version}}
< 200 OK
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "versions",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower reader GET /api/v1/config/versions/k?minVersion={{version}}&consistency=read-your-writes&timeout=1s
< 200 OK
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "versions",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower reader GET /api/v1/config/versions/k
> X-Confman-Min-Version: {{version}}
> X-Confman-Consistency: linearizable
< 200 OK
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "versions",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower reader HEAD /api/v1/config/versions/k?consistency=linearizable
< 200 OK
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>

> follower reader GET /api/v1/config/versions?minVersion={{version}}
< 200 OK
< content-type: application/json
< etag: W/"<r1>"
< x-confman-version: <r1>
<
< {
<   "items": [
<     {
<       "namespace": "versions",
<       "key": "k",
<       "value": "v",
<       "type": "string",
<       "version": 1,
<       "revision": "<r1>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r1>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> follower reader GET /api/v1/namespaces/versions?consistency=linearizable
< 200 OK
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "path": "versions",
<   "description": "",
<   "owner": "admin@test",
<   "createdAt": "<time>",
<   "revision": "<r1>"
< }

> follower reader GET /api/v1/audit/versions?limit=1&minVersion={{version}}
< 200 OK
< content-type: application/json
< x-confman-version: <r1>
<
< {
<   "items": [
<     {
<       "id": "<r1>:1",
<       "timestamp": "<time>",
<       "action": "config.set",
<       "actor": "admin@test",
<       "namespace": "versions",
<       "key": "k",
<       "newValue": "v",
<       "newDigest": "sha256:b513a01f2b1579e7dd2268c7c4a575993541730b0c31f63cf18b5ad0687517b0",
<       "revision": "<r1>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 1>",
<       "hash": "<hash 2>"
<     }
<   ],
<   "revision": "<r1>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

A write needs none, and may have one.

> leader admin DELETE /api/v1/config/versions/k
> X-Confman-Min-Version: {{version}}
< 204 No Content
< x-confman-version: <r2>

> follower reader GET /api/v1/config/versions/k
> X-Confman-Min-Version: {{version}}
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r2>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

A version of no write in this cluster's history: in another term, or beyond all that there is.

> leader reader GET /api/v1/config/versions/k?minVersion=77:1
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/version-unknown",
<   "title": "Version unknown",
<   "status": 409,
<   "detail": "<r3> is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

> follower reader GET /api/v1/config/versions/k?minVersion=1:999999999&onStale=redirect
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/version-unknown",
<   "title": "Version unknown",
<   "status": 409,
<   "detail": "<r4> is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

What cannot be meant.

> leader reader GET /api/v1/config/versions/k?consistency=read-your-writes
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "read-your-writes takes the version to see: send the X-Confman-Version of your last write as X-Confman-Min-Version, or as ?minVersion=",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/versions/k?consistency=strong
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "consistency is eventual, read-your-writes or linearizable",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/versions/k?minVersion=five
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "\"five\" is no version: send an X-Confman-Version or a revision just as it was answered",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/versions/k?timeout=soon
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "timeout is a number and a unit: 500ms, 3s",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/versions/k?onStale=wait
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "onStale is redirect, or is left out",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/versions/k?minVersion=1:1
> X-Confman-Min-Version: 1:2
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "x-confman-min-version and minVersion say different things: send one of them, once",
<   "instance": "/api/v1/config/versions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/cluster?minVersion=1:1
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "unknown query parameter \"minVersion\": this path takes none",
<   "instance": "/api/v1/cluster",
<   "requestId": "<request id>"
< }
