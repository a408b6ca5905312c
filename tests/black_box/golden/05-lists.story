# Lists and pages.

> leader reader GET /api/v1/config/empty
< 200 OK
< content-type: application/json
< etag: W/"<r1>"
< x-confman-version: <r2>
<
< {
<   "items": [],
<   "revision": "<r2>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader admin PUT /api/v1/config/lists/b
> Content-Type: application/json
>
> {"value":"2"}
< 201 Created
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "namespace": "lists",
<   "key": "b",
<   "value": "2",
<   "type": "string",
<   "version": 1,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/lists/a/1
> Content-Type: application/json
>
> {"value":"1"}
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no such path. A '/' within a namespace or a key is written %2F, or the namespace is ended with /-/ as in /api/v1/config/teams/payments/-/db/url",
<   "instance": "/api/v1/config/lists/a/1",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/config/lists/-/a/1
> Content-Type: application/json
>
> {"value":"1"}
< 201 Created
< content-type: application/json
< etag: "<r4>"
< x-confman-version: <r4>
<
< {
<   "namespace": "lists",
<   "key": "a/1",
<   "value": "1",
<   "type": "string",
<   "version": 1,
<   "revision": "<r4>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/lists/a.2
> Content-Type: application/json
>
> {"value":"3"}
< 201 Created
< content-type: application/json
< etag: "<r5>"
< x-confman-version: <r5>
<
< {
<   "namespace": "lists",
<   "key": "a.2",
<   "value": "3",
<   "type": "string",
<   "version": 1,
<   "revision": "<r5>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

In byte order.
> leader reader GET /api/v1/config/lists
< 200 OK
< content-type: application/json
< etag: W/"<r5>"
< x-confman-version: <r5>
<
< {
<   "items": [
<     {
<       "namespace": "lists",
<       "key": "a.2",
<       "value": "3",
<       "type": "string",
<       "version": 1,
<       "revision": "<r5>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "lists",
<       "key": "a/1",
<       "value": "1",
<       "type": "string",
<       "version": 1,
<       "revision": "<r4>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "lists",
<       "key": "b",
<       "value": "2",
<       "type": "string",
<       "version": 1,
<       "revision": "<r3>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r5>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/config/lists?prefix=a.
< 200 OK
< content-type: application/json
< etag: W/"<r5>"
< x-confman-version: <r5>
<
< {
<   "items": [
<     {
<       "namespace": "lists",
<       "key": "a.2",
<       "value": "3",
<       "type": "string",
<       "version": 1,
<       "revision": "<r5>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r5>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader HEAD /api/v1/config/lists
< 200 OK
< content-type: application/json
< etag: W/"<r5>"
< x-confman-version: <r5>

Pages: the first one.
> leader reader GET /api/v1/config/lists?limit=2
< 200 OK
< content-type: application/json
< etag: W/"<r5>"
< x-confman-version: <r5>
<
< {
<   "items": [
<     {
<       "namespace": "lists",
<       "key": "a.2",
<       "value": "3",
<       "type": "string",
<       "version": 1,
<       "revision": "<r5>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "lists",
<       "key": "a/1",
<       "value": "1",
<       "type": "string",
<       "version": 1,
<       "revision": "<r4>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r5>",
<   "pagination": {
<     "limit": 2,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

What is written meanwhile is not on the next, which any node gives.
> leader admin PUT /api/v1/config/lists/c
> Content-Type: application/json
>
> {"value":"4"}
< 201 Created
< content-type: application/json
< etag: "<r6>"
< x-confman-version: <r6>
<
< {
<   "namespace": "lists",
<   "key": "c",
<   "value": "4",
<   "type": "string",
<   "version": 1,
<   "revision": "<r6>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> follower reader GET /api/v1/config/lists?limit=2&cursor={{cursor}}
< 200 OK
< content-type: application/json
< etag: W/"<r5>"
< x-confman-version: <r6>
<
< {
<   "items": [
<     {
<       "namespace": "lists",
<       "key": "b",
<       "value": "2",
<       "type": "string",
<       "version": 1,
<       "revision": "<r3>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r5>",
<   "pagination": {
<     "limit": 2,
<     "hasMore": false
<   }
< }

The cursor is of its query: not of another namespace, prefix or list.
> leader reader GET /api/v1/config/payments?limit=2&cursor={{cursor}}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-cursor",
<   "title": "Invalid cursor",
<   "status": 400,
<   "detail": "the cursor was not made for this query: begin again without it, with the same path and query on all pages",
<   "instance": "/api/v1/config/payments",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/lists?limit=2&prefix=a&cursor={{cursor}}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-cursor",
<   "title": "Invalid cursor",
<   "status": 400,
<   "detail": "the cursor was not made for this query: begin again without it, with the same path and query on all pages",
<   "instance": "/api/v1/config/lists",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/namespaces?cursor={{cursor}}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-cursor",
<   "title": "Invalid cursor",
<   "status": 400,
<   "detail": "the cursor was not made for this query: begin again without it, with the same path and query on all pages",
<   "instance": "/api/v1/namespaces",
<   "requestId": "<request id>"
< }

The other form of the path is the same list.
> leader reader GET /api/v1/config/lists/-/?limit=1
< 200 OK
< content-type: application/json
< etag: W/"<r6>"
< x-confman-version: <r6>
<
< {
<   "items": [
<     {
<       "namespace": "lists",
<       "key": "a.2",
<       "value": "3",
<       "type": "string",
<       "version": 1,
<       "revision": "<r5>",
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r6>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

Without a key, with one that nobody knows, and with two.
> leader nobody GET /api/v1/config/lists
< 401 Unauthorized
< content-type: application/problem+json
< www-authenticate: Bearer realm="confman"
<
< {
<   "type": "https://confman/errors/unauthorized",
<   "title": "Authentication required",
<   "status": 401,
<   "detail": "send an API key, as 'X-API-Key: ...' or as 'Authorization: Bearer ...'",
<   "instance": "/api/v1/config/lists",
<   "requestId": "<request id>"
< }

> leader stranger GET /api/v1/config/lists
< 401 Unauthorized
< content-type: application/problem+json
< www-authenticate: Bearer realm="confman", error="invalid_token"
<
< {
<   "type": "https://confman/errors/unauthorized",
<   "title": "Authentication required",
<   "status": 401,
<   "detail": "this node does not know the API key: send one of its configuration, as 'X-API-Key: ...' or as 'Authorization: Bearer ...', and only one",
<   "instance": "/api/v1/config/lists",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/lists
> Authorization: Bearer some-other-key-of-length
< 401 Unauthorized
< content-type: application/problem+json
< www-authenticate: Bearer realm="confman", error="invalid_token"
<
< {
<   "type": "https://confman/errors/unauthorized",
<   "title": "Authentication required",
<   "status": 401,
<   "detail": "this node does not know the API key: send one of its configuration, as 'X-API-Key: ...' or as 'Authorization: Bearer ...', and only one",
<   "instance": "/api/v1/config/lists",
<   "requestId": "<request id>"
< }
