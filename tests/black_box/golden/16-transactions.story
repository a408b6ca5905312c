# Transactions: several changes at one revision, all of them or none.

Namespaces come to be as with any set.
> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[{"set":{"namespace":"txn","key":"a","value":"1"}},{"set":{"namespace":"txn/other","key":"b","value":"true","type":"boolean"}},{"delete":{"namespace":"txn","key":"zzz"}}]}
< 200 OK
< content-type: application/json
< x-confman-version: <r1>
<
< {
<   "revision": "<r1>",
<   "results": [
<     {
<       "namespace": "txn",
<       "key": "a",
<       "outcome": "created",
<       "version": 1
<     },
<     {
<       "namespace": "txn/other",
<       "key": "b",
<       "outcome": "created",
<       "version": 1
<     },
<     {
<       "namespace": "txn",
<       "key": "zzz",
<       "outcome": "absent"
<     }
<   ]
< }

> follower reader GET /api/v1/config/txn
< 200 OK
< content-type: application/json
< etag: W/"<r1>"
< x-confman-version: <r1>
<
< {
<   "items": [
<     {
<       "namespace": "txn",
<       "key": "a",
<       "value": "1",
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

> leader admin GET /api/v1/audit?limit=4
< 200 OK
< content-type: application/json
< x-confman-version: <r1>
<
< {
<   "items": [
<     {
<       "id": "<r1>:3",
<       "timestamp": "<time>",
<       "action": "config.set",
<       "actor": "admin@test",
<       "namespace": "txn/other",
<       "key": "b",
<       "newValue": "true",
<       "newDigest": "sha256:916aded13399466a7d2c4c534fdd3cc7ed237a46a6524ef4a4dd8ccbef5ced67",
<       "revision": "<r1>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 1>",
<       "hash": "<hash 2>"
<     },
<     {
<       "id": "<r1>:2",
<       "timestamp": "<time>",
<       "action": "namespace.set",
<       "actor": "admin@test",
<       "namespace": "txn/other",
<       "newDigest": "sha256:1ccd47362275a7dcb5bd2687c56a273f1d3e42a64ff92f0ae599ca384a44d24d",
<       "revision": "<r1>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 3>",
<       "hash": "<hash 1>"
<     },
<     {
<       "id": "<r1>:1",
<       "timestamp": "<time>",
<       "action": "config.set",
<       "actor": "admin@test",
<       "namespace": "txn",
<       "key": "a",
<       "newValue": "1",
<       "newDigest": "sha256:e48c433395b27ba37f90fe34a3f0245e8e88dcb59a36966e745638af5c6aca62",
<       "revision": "<r1>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 4>",
<       "hash": "<hash 3>"
<     },
<     {
<       "id": "<r1>:0",
<       "timestamp": "<time>",
<       "action": "namespace.set",
<       "actor": "admin@test",
<       "namespace": "txn",
<       "newDigest": "sha256:1ccd47362275a7dcb5bd2687c56a273f1d3e42a64ff92f0ae599ca384a44d24d",
<       "revision": "<r1>",
<       "requestId": "<request id>",
<       "previousHash": "<hash 5>",
<       "hash": "<hash 4>"
<     }
<   ],
<   "revision": "<r1>",
<   "pagination": {
<     "limit": 4,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

A comparison names the revision that an entry must be at, or null. Where one does not hold, nothing is done.
> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"compare":[{"namespace":"txn","key":"a","revision":"1:1"},{"namespace":"txn","key":"c","revision":null},{"namespace":"txn/other","key":"b","revision":null}],"ops":[{"set":{"namespace":"txn","key":"c","value":"1"}},{"delete":{"namespace":"txn","key":"a"}}]}
< 412 Precondition Failed
< content-type: application/problem+json
< x-confman-version: <r2>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: 2 of 3 comparisons do not hold, see `failed`. Read those entries, and decide again",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>",
<   "failed": [
<     {
<       "current": "<r1>",
<       "expected": "<r3>",
<       "key": "a",
<       "namespace": "txn"
<     },
<     {
<       "current": "<r1>",
<       "expected": null,
<       "key": "b",
<       "namespace": "txn/other"
<     }
<   ]
< }

> leader reader HEAD /api/v1/config/txn/a
< 200 OK
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r2>

> leader reader HEAD /api/v1/config/txn/c
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r2>

Under an idempotency key it is done once.
> leader admin POST /api/v1/txn
> Content-Type: application/json
> Idempotency-Key: t-1
>
> {"compare":[{"namespace":"txn","key":"c","revision":null}],"ops":[{"set":{"namespace":"txn","key":"c","value":"1"}},{"delete":{"namespace":"txn","key":"a"}}]}
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "revision": "<r4>",
<   "results": [
<     {
<       "namespace": "txn",
<       "key": "c",
<       "outcome": "created",
<       "version": 1
<     },
<     {
<       "namespace": "txn",
<       "key": "a",
<       "outcome": "deleted"
<     }
<   ]
< }

> follower bearer-admin POST /api/v1/txn
> Content-Type: application/json
> Idempotency-Key: t-1
>
> {"compare":[{"namespace":"txn","key":"c","revision":null}],"ops":[{"set":{"namespace":"txn","key":"c","value":"1"}},{"delete":{"namespace":"txn","key":"a"}}]}
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "revision": "<r4>",
<   "results": [
<     {
<       "namespace": "txn",
<       "key": "c",
<       "outcome": "created",
<       "version": 1
<     },
<     {
<       "namespace": "txn",
<       "key": "a",
<       "outcome": "deleted"
<     }
<   ]
< }

> leader admin POST /api/v1/txn
> Content-Type: application/json
> Idempotency-Key: t-1
>
> {"ops":[{"set":{"namespace":"txn","key":"a","value":"1"}},{"set":{"namespace":"txn/other","key":"b","value":"true","type":"boolean"}},{"delete":{"namespace":"txn","key":"zzz"}}]}
< 422 Unprocessable Entity
< content-type: application/problem+json
< x-confman-version: <r5>
<
< {
<   "type": "https://confman/errors/idempotency-mismatch",
<   "title": "Idempotency key used for another request",
<   "status": 422,
<   "detail": "nothing was written: this idempotency key was used for another request within the last 24 hours. Take a new one for each request, and the same one only to send a request again as it was",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>"
< }

A follower sends it to the leader.
> follower admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[{"set":{"namespace":"txn","key":"a","value":"1"}},{"set":{"namespace":"txn/other","key":"b","value":"true","type":"boolean"}},{"delete":{"namespace":"txn","key":"zzz"}}]}
< 307 Temporary Redirect
< content-type: application/problem+json
< location: http://<node 1>/api/v1/txn?hop=1
<
< {
<   "type": "https://confman/errors/not-leader",
<   "title": "Not the leader",
<   "status": 307,
<   "detail": "nothing was written: send the request to the leader at http://<node 1>, or follow the Location",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>",
<   "leader": "http://<node 1>"
< }

What is no transaction.
> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[]}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a transaction has 1 to 512 operations, this one has 0",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[{"delete":{"namespace":"txn","key":"a"}},{"set":{"namespace":"txn","key":"a","value":"1"}}]}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "txn/-/a is changed twice: name each key in one operation",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[{"delete":{"namespace":"txn","key":"a"}}],"compare":[{"namespace":"txn","key":"a"}]}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "the body does not fit: missing field `revision` at line 1 column 90. Send one like {\"compare\":[{\"namespace\":\"a\",\"key\":\"k\",\"revision\":\"<r6>\"}],\"ops\":[{\"set\":{\"namespace\":\"a\",\"key\":\"k\",\"value\":\"...\"}},{\"delete\":{\"namespace\":\"a\",\"key\":\"old\"}}]}",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[{"set":{"namespace":"txn","key":"a","value":"x","type":"number"}}]}
< 422 Unprocessable Entity
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-value",
<   "title": "Invalid value",
<   "status": 422,
<   "detail": "op 0: the value is no number: a number is written as in JSON, like 42, -0.5 or 1e6, with nothing around it (line 1, column 1). Correct it, or set it as a string",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>",
<   "column": 1,
<   "line": 1,
<   "op": 0
< }

> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[{"set":{"namespace":"txn","key":"a/","value":"x"}}]}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "op 0: a key has no empty, '.' or '..' segment between its slashes",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/txn
> Content-Type: application/json
> If-Match: *
>
> {"ops":[{"delete":{"namespace":"txn","key":"a"}}]}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "what is here has no ETag: say in `compare` what must be so",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>"
< }

> leader reader POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[{"delete":{"namespace":"txn","key":"a"}}]}
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/txn",
<   "requestId": "<request id>"
< }
