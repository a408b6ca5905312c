# Values alone, lists of what is asked for, and namespaces as files.

A body of text is the value itself.
> leader admin PUT /api/v1/config/files/db.url
> Content-Type: text/plain
>
> postgres://db-1/pay?x='1'
< 201 Created
< content-type: application/json
< etag: "<r1>"
< x-confman-version: <r1>
<
< {
<   "namespace": "files",
<   "key": "db.url",
<   "value": "postgres://db-1/pay?x='1'",
<   "type": "string",
<   "version": 1,
<   "revision": "<r1>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/files/-/db/pool
> Content-Type: application/json
>
> {"value":"10","type":"number"}
< 201 Created
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "files",
<   "key": "db/pool",
<   "value": "10",
<   "type": "number",
<   "version": 1,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/files/limits
> Content-Type: application/json
>
> {"value":"{\"perDay\": 100}","type":"json"}
< 201 Created
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "namespace": "files",
<   "key": "limits",
<   "value": "{\"perDay\": 100}",
<   "type": "json",
<   "version": 1,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/files/motd
> Content-Type: text/plain; charset=utf-8
>
> Grüße,
>   it is $5
< 201 Created
< content-type: application/json
< etag: "<r4>"
< x-confman-version: <r4>
<
< {
<   "namespace": "files",
<   "key": "motd",
<   "value": "Grüße,\n  it is $5",
<   "type": "string",
<   "version": 1,
<   "revision": "<r4>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Its bytes, and nothing else. Its ETag is not that of the entry.
> leader reader GET /api/v1/config/files/motd?format=raw
< 200 OK
< content-type: text/plain; charset=utf-8
< etag: "<r4>;raw"
< x-confman-version: <r4>
<
< Grüße,
<   it is $5

> follower reader GET /api/v1/config/files/motd
> Accept: text/plain
< 200 OK
< content-type: text/plain; charset=utf-8
< etag: "<r4>;raw"
< x-confman-version: <r4>
<
< Grüße,
<   it is $5

> leader reader HEAD /api/v1/config/files/motd
> Accept: text/plain
< 200 OK
< content-type: text/plain; charset=utf-8
< etag: "<r4>;raw"
< x-confman-version: <r4>

> leader reader GET /api/v1/config/files/motd
> Accept: text/plain
> If-None-Match: {{etag}}
< 304 Not Modified
< etag: "<r4>;raw"
< x-confman-version: <r4>

> leader reader GET /api/v1/config/files/motd
> If-None-Match: {{etag}}
< 200 OK
< content-type: application/json
< etag: "<r4>"
< x-confman-version: <r4>
<
< {
<   "namespace": "files",
<   "key": "motd",
<   "value": "Grüße,\n  it is $5",
<   "type": "string",
<   "version": 1,
<   "revision": "<r4>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Nothing that the client takes.
> leader reader GET /api/v1/config/files/motd
> Accept: image/png
< 406 Not Acceptable
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-acceptable",
<   "title": "Not acceptable",
<   "status": 406,
<   "detail": "answers are application/json or text/plain: send Accept: application/json, or none",
<   "instance": "/api/v1/config/files/motd",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/files/motd?format=raw
> Accept: application/json
< 406 Not Acceptable
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-acceptable",
<   "title": "Not acceptable",
<   "status": 406,
<   "detail": "answers are text/plain: send Accept: text/plain, or none",
<   "instance": "/api/v1/config/files/motd",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/files/motd?format=xml
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "format is raw, for the value alone, or json",
<   "instance": "/api/v1/config/files/motd",
<   "requestId": "<request id>"
< }

Only some members, only one type.
> leader reader GET /api/v1/config/files?fields=key,value&limit=1
< 200 OK
< content-type: application/json
< etag: W/"<r4>"
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "key": "db.url",
<       "value": "postgres://db-1/pay?x='1'"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 1,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/config/files?fields=key,value&limit=2&cursor={{cursor}}
< 200 OK
< content-type: application/json
< etag: W/"<r4>"
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "key": "db/pool",
<       "value": "10"
<     },
<     {
<       "key": "limits",
<       "value": "{\"perDay\": 100}"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 2,
<     "hasMore": true,
<     "nextCursor": "<cursor>"
<   }
< }

> leader reader GET /api/v1/config/files?fields=key&limit=2&cursor={{cursor}}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-cursor",
<   "title": "Invalid cursor",
<   "status": 400,
<   "detail": "the cursor was not made for this query: begin again without it, with the same path and query on all pages",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/files?type=number&fields=key,type
< 200 OK
< content-type: application/json
< etag: W/"<r4>"
< x-confman-version: <r4>
<
< {
<   "items": [
<     {
<       "key": "db/pool",
<       "type": "number"
<     }
<   ],
<   "revision": "<r4>",
<   "pagination": {
<     "limit": 50,
<     "hasMore": false
<   }
< }

> leader reader GET /api/v1/config/files?type=text
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "type is one of string, number, boolean, json, yaml",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/files?fields=key,colour
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "fields has \"colour\": it names members of an entry, namespace, key, value, type, version, revision, createdAt, updatedAt, updatedBy, with commas between them",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>"
< }

The namespace as a file.
> leader reader GET /api/v1/config/files?format=env
< 200 OK
< content-type: text/plain; charset=utf-8
< etag: "<r4>;env"
< x-confman-version: <r4>
<
< DB_URL='postgres://db-1/pay?x='\''1'\'''
< DB_POOL=10
< LIMITS='{"perDay": 100}'
< MOTD='Grüße,
<   it is $5'

> leader reader GET /api/v1/config/files?format=properties
< 200 OK
< content-type: text/x-java-properties; charset=utf-8
< etag: "<r4>;properties"
< x-confman-version: <r4>
<
< db.url=postgres://db-1/pay?x='1'
< db/pool=10
< limits={"perDay": 100}
< motd=Gr\u00fc\u00dfe,\n  it is $5

> leader reader GET /api/v1/config/files?format=yaml
< 200 OK
< content-type: application/yaml
< etag: "<r4>;yaml"
< x-confman-version: <r4>
<
< db.url: "postgres://db-1/pay?x='1'"
< db/pool: 10
< limits: {"perDay": 100}
< motd: "Grüße,\n  it is $5"

> follower reader GET /api/v1/config/files?format=json
< 200 OK
< content-type: application/json
< etag: "<r4>;json"
< x-confman-version: <r4>
<
< {
<   "db.url": "postgres://db-1/pay?x='1'",
<   "db/pool": 10,
<   "limits": {"perDay": 100},
<   "motd": "Grüße,\n  it is $5"
< }

> leader reader HEAD /api/v1/config/files?format=yaml
< 200 OK
< content-type: application/yaml
< etag: "<r4>;yaml"
< x-confman-version: <r4>

> leader reader GET /api/v1/config/files?format=env&prefix=db
< 200 OK
< content-type: text/plain; charset=utf-8
< etag: "<r4>;env"
< x-confman-version: <r4>
<
< DB_URL='postgres://db-1/pay?x='\''1'\'''
< DB_POOL=10

> leader reader GET /api/v1/config/nothing?format=yaml
< 200 OK
< content-type: application/yaml
< etag: "<r5>;yaml"
< x-confman-version: <r4>
<
< {}

> leader reader GET /api/v1/config/files?format=toml
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "format is one of env, properties, yaml, json; without it the answer is a list",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/files?format=env&limit=10
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a file is whole: leave out either format or limit",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/config/files?format=yaml
> Accept: application/json
< 406 Not Acceptable
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-acceptable",
<   "title": "Not acceptable",
<   "status": 406,
<   "detail": "answers are application/yaml: send Accept: application/yaml, or none",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>"
< }

What a format cannot say: two keys that are one variable, and a variable that would begin with a digit.
> leader admin PUT /api/v1/config/files/db-url
> Content-Type: text/plain
>
> other
< 201 Created
< content-type: application/json
< etag: "<r6>"
< x-confman-version: <r6>
<
< {
<   "namespace": "files",
<   "key": "db-url",
<   "value": "other",
<   "type": "string",
<   "version": 1,
<   "revision": "<r6>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader GET /api/v1/config/files?format=env
< 422 Unprocessable Entity
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-value",
<   "title": "Invalid value",
<   "status": 422,
<   "detail": "this cannot be said as env: the keys \"db-url\" and \"db.url\" would be one variable, DB_URL. Take another format, or a prefix or type without it",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>",
<   "keys": [
<     "db-url",
<     "db.url"
<   ]
< }

> leader admin PUT /api/v1/config/files/9lives
> Content-Type: text/plain
>
> x
< 201 Created
< content-type: application/json
< etag: "<r7>"
< x-confman-version: <r7>
<
< {
<   "namespace": "files",
<   "key": "9lives",
<   "value": "x",
<   "type": "string",
<   "version": 1,
<   "revision": "<r7>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader GET /api/v1/config/files?format=env&prefix=9
< 422 Unprocessable Entity
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-value",
<   "title": "Invalid value",
<   "status": 422,
<   "detail": "this cannot be said as env: the key \"9lives\" gives no name of a variable: it begins with a digit. Take another format, or a prefix or type without it",
<   "instance": "/api/v1/config/files",
<   "requestId": "<request id>",
<   "keys": [
<     "9lives"
<   ]
< }
