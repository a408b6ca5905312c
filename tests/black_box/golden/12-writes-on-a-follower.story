# Writes that reach a follower: redirected, or passed on where a redirect would lose the client's credentials.

> follower admin PUT /api/v1/config/routed/k
> Content-Type: application/json
>
> {"value":"1"}
< 307 Temporary Redirect
< content-type: application/problem+json
< location: http://<node 1>/api/v1/config/routed/k?hop=1
<
< {
<   "type": "https://confman/errors/not-leader",
<   "title": "Not the leader",
<   "status": 307,
<   "detail": "nothing was written: send the request to the leader at http://<node 1>, or follow the Location",
<   "instance": "/api/v1/config/routed/k",
<   "requestId": "<request id>",
<   "leader": "http://<node 1>"
< }

> leader admin PUT {{location}}
> Content-Type: application/json
>
> {"value":"1"}
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "routed",
<   "key": "k",
<   "value": "1",
<   "type": "string",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower bearer-admin PUT /api/v1/config/routed/k
> Content-Type: application/json
>
> {"value":"2"}
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "routed",
<   "key": "k",
<   "value": "2",
<   "type": "string",
<   "version": 2,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

The follower has what it passed on.
> follower reader GET /api/v1/config/routed/k
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "routed",
<   "key": "k",
<   "value": "2",
<   "type": "string",
<   "version": 2,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

A browser cannot follow to another origin.
> follower admin PUT /api/v1/config/routed/k
> Content-Type: application/json
> Origin: http://example.org
>
> {"value":"3"}
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "namespace": "routed",
<   "key": "k",
<   "value": "3",
<   "type": "string",
<   "version": 3,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower admin DELETE /api/v1/config/routed/k
< 307 Temporary Redirect
< content-type: application/problem+json
< location: http://<node 1>/api/v1/config/routed/k?hop=1
<
< {
<   "type": "https://confman/errors/not-leader",
<   "title": "Not the leader",
<   "status": 307,
<   "detail": "nothing was written: send the request to the leader at http://<node 1>, or follow the Location",
<   "instance": "/api/v1/config/routed/k",
<   "requestId": "<request id>",
<   "leader": "http://<node 1>"
< }

> follower admin PUT /api/v1/namespaces/routed
> Content-Type: application/json
>
> {"description":"x","owner":"o"}
< 307 Temporary Redirect
< content-type: application/problem+json
< location: http://<node 1>/api/v1/namespaces/routed?hop=1
<
< {
<   "type": "https://confman/errors/not-leader",
<   "title": "Not the leader",
<   "status": 307,
<   "detail": "nothing was written: send the request to the leader at http://<node 1>, or follow the Location",
<   "instance": "/api/v1/namespaces/routed",
<   "requestId": "<request id>",
<   "leader": "http://<node 1>"
< }

Redirects are counted.
> follower admin DELETE /api/v1/config/routed/k?hop=1
< 307 Temporary Redirect
< content-type: application/problem+json
< location: http://<node 1>/api/v1/config/routed/k?hop=2
<
< {
<   "type": "https://confman/errors/not-leader",
<   "title": "Not the leader",
<   "status": 307,
<   "detail": "nothing was written: send the request to the leader at http://<node 1>, or follow the Location",
<   "instance": "/api/v1/config/routed/k",
<   "requestId": "<request id>",
<   "leader": "http://<node 1>"
< }

> follower admin DELETE /api/v1/config/routed/k?hop=2
< 503 Service Unavailable
< content-type: application/problem+json
< retry-after: 1
<
< {
<   "type": "https://confman/errors/no-leader",
<   "title": "No leader",
<   "status": 503,
<   "detail": "nothing was written: 2 redirects brought the request here, and this node does not lead either. The leadership is changing: try again after the time in Retry-After",
<   "instance": "/api/v1/config/routed/k",
<   "requestId": "<request id>"
< }

Who may not write is told so here.
> follower reader DELETE /api/v1/config/routed/k
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/config/routed/k",
<   "requestId": "<request id>"
< }
