# What was: history, reads at a revision, differences, and the way back. {{oldest}} is the revision of the last item on the
# last page that came.

> leader admin PUT /api/v1/config/past/limits
> Content-Type: application/json
>
> {"value":"{\"perDay\":100,\"perHour\":10}","type":"json"}
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "past",
<   "key": "limits",
<   "value": "{\"perDay\":100,\"perHour\":10}",
<   "type": "json",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/past/limits
> Content-Type: application/json
>
> {"value":"{\"perDay\":200,\"perHour\":10}","type":"json"}
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "past",
<   "key": "limits",
<   "value": "{\"perDay\":200,\"perHour\":10}",
<   "type": "json",
<   "version": 2,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/past/name
> Content-Type: text/plain
>
> x
< 201 Created
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "namespace": "past",
<   "key": "name",
<   "value": "x",
<   "type": "string",
<   "version": 1,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin DELETE /api/v1/config/past/limits
< 204 No Content
< x-confman-version: <r4>

Newest first, the delete too.
> leader reader GET /api/v1/config/past/limits/history
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r4>",
<       "deleted": true,
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r2>",
<       "deleted": false,
<       "value": "{\"perDay\":200,\"perHour\":10}",
<       "type": "json",
<       "version": 2,
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r1>",
<       "deleted": false,
<       "value": "{\"perDay\":100,\"perHour\":10}",
<       "type": "json",
<       "version": 1,
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader HEAD /api/v1/config/past/limits/history
< 200 OK
< content-type: application/json
< x-confman-version: <r4>

> follower reader GET /api/v1/config/past/limits/history?limit=2
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r4>",
<       "deleted": true,
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r2>",
<       "deleted": false,
<       "value": "{\"perDay\":200,\"perHour\":10}",
<       "type": "json",
<       "version": 2,
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 2,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/config/past/limits/history?limit=2&cursor={{cursor}}
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r1>",
<       "deleted": false,
<       "value": "{\"perDay\":100,\"perHour\":10}",
<       "type": "json",
<       "version": 1,
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 2,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/config/past/never/history
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r4>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "this key was never set: GET the namespace to see its keys",
<   "instance": "/api/v1/config/past/never/history",
<   "requestId": "<request id>"
< }

As it was.
> follower reader GET /api/v1/config/past/limits?at={{oldest}}
< 200 OK
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r4>
<
< {
<   "namespace": "past",
<   "key": "limits",
<   "value": "{\"perDay\":100,\"perHour\":10}",
<   "type": "json",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader GET /api/v1/config/past/limits?at={{oldest}}&format=raw
< 200 OK
< content-type: text/plain; charset=utf-8
< etag: "<r1>;raw"
< x-confman-version: <r4>
<
< {"perDay":100,"perHour":10}

> leader reader GET /api/v1/config/past?at={{oldest}}&fields=key,value
< 200 OK
< content-type: application/json
< etag: W/"<r1>"
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "key": "limits",
<       "value": "{\"perDay\":100,\"perHour\":10}"
<     }
<   ],
<   "revision": "<r1>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/config/past?at={{oldest}}&format=yaml
< 200 OK
< content-type: application/yaml
< etag: "<r1>;yaml"
< x-confman-version: <r4>
<
< limits: {"perDay": 100, "perHour": 10}

> leader reader GET /api/v1/config/past?at=1971-01-01T00:00:00Z
< 200 OK
< content-type: application/json
< etag: W/"<r5>"
< x-confman-version: <r4>
<
< {
<   "items": [],
<   "revision": "<r5>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/config/past/limits?at=yesterday
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "at is a revision like <r6>, or a time like 2026-01-02T03:<r7>Z: a '+' in a URL is written %2B",
<   "instance": "/api/v1/config/past/limits",
<   "requestId": "<request id>"
< }

The write behind a version token is not there.
> leader reader GET /api/v1/config/past/limits?at=9999:1
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/version-unknown",
<   "title": "Version unknown",
<   "status": 409,
<   "detail": "<r8> is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it",
<   "instance": "/api/v1/config/past/limits",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/past?at=9999:1
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/version-unknown",
<   "title": "Version unknown",
<   "status": 409,
<   "detail": "<r8> is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it",
<   "instance": "/api/v1/config/past",
<   "requestId": "<request id>"
< }

What differs.
> follower reader GET /api/v1/diff/past?from={{oldest}}
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "key": "limits",
<       "change": "removed",
<       "before": {
<         "namespace": "past",
<         "key": "limits",
<         "value": "{\"perDay\":100,\"perHour\":10}",
<         "type": "json",
<         "version": 1,
<         "revision": "<r1>",
<         "createdAt": "<time>",
<         "updatedAt": "<time>",
<         "updatedBy": "admin@test"
<       }
<     },
<     {
<       "key": "name",
<       "change": "added",
<       "after": {
<         "namespace": "past",
<         "key": "name",
<         "value": "x",
<         "type": "string",
<         "version": 1,
<         "revision": "<r3>",
<         "createdAt": "<time>",
<         "updatedAt": "<time>",
<         "updatedBy": "admin@test"
<       }
<     }
<   ],
<   "from": "<r1>",
<   "to": "<r4>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader HEAD /api/v1/diff/past?from={{oldest}}
< 200 OK
< content-type: application/json
< x-confman-version: <r4>

> leader reader GET /api/v1/diff/past?from={{oldest}}&limit=1
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "key": "limits",
<       "change": "removed",
<       "before": {
<         "namespace": "past",
<         "key": "limits",
<         "value": "{\"perDay\":100,\"perHour\":10}",
<         "type": "json",
<         "version": 1,
<         "revision": "<r1>",
<         "createdAt": "<time>",
<         "updatedAt": "<time>",
<         "updatedBy": "admin@test"
<       }
<     }
<   ],
<   "from": "<r1>",
<   "to": "<r4>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/diff/past?from={{oldest}}&limit=1&cursor={{cursor}}
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "key": "name",
<       "change": "added",
<       "after": {
<         "namespace": "past",
<         "key": "name",
<         "value": "x",
<         "type": "string",
<         "version": 1,
<         "revision": "<r3>",
<         "createdAt": "<time>",
<         "updatedAt": "<time>",
<         "updatedBy": "admin@test"
<       }
<     }
<   ],
<   "from": "<r1>",
<   "to": "<r4>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/diff/past
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "from is missing: say since when, by a revision or a time. Without to it is up to now",
<   "instance": "/api/v1/diff/past",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/diff/past?from=9999:1
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/version-unknown",
<   "title": "Version unknown",
<   "status": 409,
<   "detail": "<r8> is not in this cluster's history: the write behind it is lost, most likely since a backup was restored, or the version is of another cluster. Read again without it",
<   "instance": "/api/v1/diff/past",
<   "requestId": "<request id>"
< }

Back to the first revision: a new one, and nothing is taken out of history.
> leader reader GET /api/v1/config/past/limits/history
< 200 OK
< content-type: application/json
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r4>",
<       "deleted": true,
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r2>",
<       "deleted": false,
<       "value": "{\"perDay\":200,\"perHour\":10}",
<       "type": "json",
<       "version": 2,
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r1>",
<       "deleted": false,
<       "value": "{\"perDay\":100,\"perHour\":10}",
<       "type": "json",
<       "version": 1,
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader admin POST /api/v1/config/past/limits/rollback
> Content-Type: application/json
>
> {"revision":"{{oldest}}"}
< 201 Created
< content-type: application/json
< etag: "<r9>"
< x-confman-version: <r9>
<
< {
<   "namespace": "past",
<   "key": "limits",
<   "value": "{\"perDay\":100,\"perHour\":10}",
<   "type": "json",
<   "version": 1,
<   "revision": "<r9>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader GET /api/v1/diff/past?from={{oldest}}
< 200 OK
< content-type: application/json
< x-confman-version: <r9>
<
< {
<   "items": [
<     {
<       "key": "name",
<       "change": "added",
<       "after": {
<         "namespace": "past",
<         "key": "name",
<         "value": "x",
<         "type": "string",
<         "version": 1,
<         "revision": "<r3>",
<         "createdAt": "<time>",
<         "updatedAt": "<time>",
<         "updatedBy": "admin@test"
<       }
<     }
<   ],
<   "from": "<r1>",
<   "to": "<r9>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader admin POST /api/v1/config/past/limits/rollback
> Content-Type: application/json
>
> {"revision":"9999:1"}
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r10>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "the history of this key has no revision <r8>: GET the history to see those it has",
<   "instance": "/api/v1/config/past/limits/rollback",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/config/past/limits/rollback
> Content-Type: application/json
>
> {"revision":"first"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "revision is one of the key's history, like <r6>: GET the history to see them",
<   "instance": "/api/v1/config/past/limits/rollback",
<   "requestId": "<request id>"
< }

> leader reader POST /api/v1/config/past/limits/rollback
> Content-Type: application/json
>
> {"revision":"{{oldest}}"}
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/config/past/limits/rollback",
<   "requestId": "<request id>"
< }

Back to where it was deleted: deleted again, and then there is nothing to delete.
> leader reader GET /api/v1/config/past/limits/history?limit=2
< 200 OK
< content-type: application/json
< x-confman-version: <r10>
<
< {
<   "items": [
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r9>",
<       "deleted": false,
<       "value": "{\"perDay\":100,\"perHour\":10}",
<       "type": "json",
<       "version": 1,
<       "createdAt": "<time>",
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     },
<     {
<       "namespace": "past",
<       "key": "limits",
<       "revision": "<r4>",
<       "deleted": true,
<       "updatedAt": "<time>",
<       "updatedBy": "admin@test"
<     }
<   ],
<   "revision": "<r10>",
<   "pagination": {
<     "limit": 2,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader admin POST /api/v1/config/past/limits/rollback
> Content-Type: application/json
>
> {"revision":"{{oldest}}"}
< 204 No Content
< x-confman-version: <r11>

> leader admin POST /api/v1/config/past/limits/rollback
> Content-Type: application/json
>
> {"revision":"{{oldest}}"}
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r12>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "that revision deleted the entry, and there is none now: there is nothing to delete",
<   "instance": "/api/v1/config/past/limits/rollback",
<   "requestId": "<request id>"
< }
