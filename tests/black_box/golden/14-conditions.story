# Conditions: If-Match and If-None-Match on writes and reads, and the ETags of lists.

Only where there is none.
> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-None-Match: *
>
> {"value":"v"}
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "conditions",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Now there is one: nothing is written, and it is told which.
> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-None-Match: *
>
> {"value":"w"}
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r1>"
< x-confman-version: <r2>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r1> now. Read it, and decide again",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>",
<   "current": "<r1>"
< }

The ETag came with the refusal.
> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-Match: "1:1", {{etag}}
>
> {"value":"w"}
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "namespace": "conditions",
<   "key": "k",
<   "value": "w",
<   "type": "string",
<   "version": 2,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Another revision; a weak ETag, which no write is sure of; and the revision that the client has already.
> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-Match: "1:1"
>
> {"value":"x"}
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r3>"
< x-confman-version: <r4>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r3> now. Read it, and decide again",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>",
<   "current": "<r3>"
< }

> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-Match: W/{{etag}}
>
> {"value":"x"}
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r3>"
< x-confman-version: <r5>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r3> now. Read it, and decide again",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>",
<   "current": "<r3>"
< }

> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-None-Match: {{etag}}
>
> {"value":"x"}
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r3>"
< x-confman-version: <r6>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r3> now. Read it, and decide again",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>",
<   "current": "<r3>"
< }

Both must hold.
> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-Match: {{etag}}
> If-None-Match: "1:1"
>
> {"value":"x"}
< 200 OK
< content-type: application/json
< etag: "<r7>"
< x-confman-version: <r7>
<
< {
<   "namespace": "conditions",
<   "key": "k",
<   "value": "x",
<   "type": "string",
<   "version": 3,
<   "revision": "<r7>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Through a follower it is decided in the same place.
> follower bearer-admin DELETE /api/v1/config/conditions/k
> If-Match: "1:1"
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r7>"
< x-confman-version: <r8>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r7> now. Read it, and decide again",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>",
<   "current": "<r7>"
< }

> follower admin DELETE /api/v1/config/conditions/k
> If-Match: {{etag}}
< 307 Temporary Redirect
< content-type: application/problem+json
< location: http://<node 1>/api/v1/config/conditions/k?hop=1
<
< {
<   "type": "https://confman/errors/not-leader",
<   "title": "Not the leader",
<   "status": 307,
<   "detail": "nothing was written: send the request to the leader at http://<node 1>, or follow the Location",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>",
<   "leader": "http://<node 1>"
< }

Reads.
> leader reader GET /api/v1/config/conditions/k
> If-Match: {{etag}}
< 200 OK
< content-type: application/json
< etag: "<r7>"
< x-confman-version: <r8>
<
< {
<   "namespace": "conditions",
<   "key": "k",
<   "value": "x",
<   "type": "string",
<   "version": 3,
<   "revision": "<r7>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower reader GET /api/v1/config/conditions/k
> If-Match: "1:1"
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r7>"
< x-confman-version: <r8>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "what is there has another ETag now: see the header, and read it without If-Match",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/conditions/k
> If-Match: *
> If-None-Match: *
< 304 Not Modified
< etag: "<r7>"
< x-confman-version: <r8>

What is absent is absent, whatever the condition.
> leader admin DELETE /api/v1/config/conditions/k
> If-Match: {{etag}}
< 204 No Content
< x-confman-version: <r9>

> leader admin DELETE /api/v1/config/conditions/k
> If-Match: *
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r10>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/conditions/k
> If-Match: *
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r10>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>"
< }

A write of it needs to be told that it may be.
> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-Match: *
>
> {"value":"v"}
< 412 Precondition Failed
< content-type: application/problem+json
< x-confman-version: <r11>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: there is none now. Decide again",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>",
<   "current": null
< }

Namespaces.
> leader admin PUT /api/v1/namespaces/conditions
> Content-Type: application/json
> If-None-Match: *
>
> {"description":"d","owner":"o"}
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r1>"
< x-confman-version: <r12>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r1> now. Read it, and decide again",
<   "instance": "/api/v1/namespaces/conditions",
<   "requestId": "<request id>",
<   "current": "<r1>"
< }

> leader admin DELETE /api/v1/namespaces/conditions
> If-Match: "1:1"
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r1>"
< x-confman-version: <r13>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "nothing was written: it is at <r1> now. Read it, and decide again",
<   "instance": "/api/v1/namespaces/conditions",
<   "requestId": "<request id>",
<   "current": "<r1>"
< }

> leader reader GET /api/v1/namespaces/conditions
> If-Match: "1:1"
< 412 Precondition Failed
< content-type: application/problem+json
< etag: "<r1>"
< x-confman-version: <r13>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "what is there has another ETag now: see the header, and read it without If-Match",
<   "instance": "/api/v1/namespaces/conditions",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/namespaces/conditions
> Content-Type: application/json
> If-Match: {{etag}}
>
> {"description":"d","owner":"o"}
< 200 OK
< content-type: application/json
< etag: "<r14>"
< x-confman-version: <r14>
<
< {
<   "path": "conditions",
<   "description": "d",
<   "owner": "o",
<   "createdAt": "<time>",
<   "revision": "<r14>"
< }

> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
>
> {"value":"v"}
< 201 Created
< content-type: application/json
< etag: "<r15>"
< x-confman-version: <r15>
<
< {
<   "namespace": "conditions",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r15>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

While it has entries, that is what is told.
> leader admin DELETE /api/v1/namespaces/conditions
> If-Match: "1:1"
< 409 Conflict
< content-type: application/problem+json
< x-confman-version: <r16>
<
< {
<   "type": "https://confman/errors/namespace-not-empty",
<   "title": "Namespace not empty",
<   "status": 409,
<   "detail": "the namespace has entries, nothing was deleted: delete first what GET /api/v1/config/conditions lists",
<   "instance": "/api/v1/namespaces/conditions",
<   "requestId": "<request id>"
< }

Lists have an ETag too, weak as the page names the revision of the whole state.
> leader reader GET /api/v1/config/conditions
< 200 OK
< content-type: application/json
< etag: W/"<r15>"
< x-confman-version: <r16>
<
< {
<   "items": [
<     {
<       "namespace": "conditions",
<       "key": "k",
<       "value": "v",
<       "type": "string",
<       "version": 1,
<       "revision": "<r15>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r16>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> follower reader GET /api/v1/config/conditions
> If-None-Match: {{etag}}
< 304 Not Modified
< etag: W/"<r15>"
< x-confman-version: <r16>

A write elsewhere leaves it as it is; one in the namespace changes it.
> leader admin PUT /api/v1/config/conditions-2/k
> Content-Type: application/json
>
> {"value":"v"}
< 201 Created
< content-type: application/json
< etag: "<r17>"
< x-confman-version: <r17>
<
< {
<   "namespace": "conditions-2",
<   "key": "k",
<   "value": "v",
<   "type": "string",
<   "version": 1,
<   "revision": "<r17>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader HEAD /api/v1/config/conditions
< 200 OK
< content-type: application/json
< etag: W/"<r15>"
< x-confman-version: <r17>

> leader admin DELETE /api/v1/config/conditions/k
< 204 No Content
< x-confman-version: <r18>

> leader reader HEAD /api/v1/config/conditions
< 200 OK
< content-type: application/json
< etag: W/"<r18>"
< x-confman-version: <r18>

> leader reader GET /api/v1/config/conditions
> If-None-Match: "1:1"
< 200 OK
< content-type: application/json
< etag: W/"<r18>"
< x-confman-version: <r18>
<
< {
<   "items": [],
<   "revision": "<r18>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/config/conditions
> If-Match: "1:1"
< 412 Precondition Failed
< content-type: application/problem+json
< etag: W/"<r18>"
< x-confman-version: <r18>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "what is there has another ETag now: see the header, and read it without If-Match",
<   "instance": "/api/v1/config/conditions",
<   "requestId": "<request id>"
< }

So has the list of namespaces, and a list that never was.
> leader reader HEAD /api/v1/namespaces
< 200 OK
< content-type: application/json
< etag: W/"<r17>"
< x-confman-version: <r18>

> leader reader GET /api/v1/namespaces
> If-None-Match: {{etag}}
< 304 Not Modified
< etag: W/"<r17>"
< x-confman-version: <r18>

> leader reader GET /api/v1/namespaces
> If-Match: "1:1"
< 412 Precondition Failed
< content-type: application/problem+json
< etag: W/"<r17>"
< x-confman-version: <r18>
<
< {
<   "type": "https://confman/errors/precondition-failed",
<   "title": "Precondition failed",
<   "status": 412,
<   "detail": "what is there has another ETag now: see the header, and read it without If-Match",
<   "instance": "/api/v1/namespaces",
<   "requestId": "<request id>"
< }

> leader reader HEAD /api/v1/config/never
< 200 OK
< content-type: application/json
< etag: W/"<r19>"
< x-confman-version: <r18>

What is no ETag.
> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-Match: 5:42
>
> {"value":"v"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "If-Match takes ETags as they came, with their quotes and commas between them, or * alone",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/conditions/k
> Content-Type: application/json
> If-None-Match: *, "5:42"
>
> {"value":"v"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "If-None-Match takes ETags as they came, with their quotes and commas between them, or * alone",
<   "instance": "/api/v1/config/conditions/k",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/namespaces/conditions
> If-None-Match: 5:42
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "If-None-Match takes ETags as they came, with their quotes and commas between them, or * alone",
<   "instance": "/api/v1/namespaces/conditions",
<   "requestId": "<request id>"
< }

What has no ETag.
> leader reader GET /api/v1/audit/conditions
> If-Match: "5:42"
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "what is here has no ETag: leave out If-Match and If-None-Match",
<   "instance": "/api/v1/audit/conditions",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/cluster/members/9
> If-Match: *
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "what is here has no ETag: leave out If-Match and If-None-Match",
<   "instance": "/api/v1/cluster/members/9",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/namespaces/conditions
< 204 No Content
< x-confman-version: <r20>
