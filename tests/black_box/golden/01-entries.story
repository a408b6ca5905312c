# Entries: set, read, delete.
#
# How to read a story: a line with `>` is what is sent, its first line says to which node and with whose key; a line with
# `<` is what comes back, recorded. Headers of every answer are checked and not shown: Cache-Control, Vary, X-Request-ID,
# Date, Content-Length. What differs from run to run stands in angle brackets, numbered where it must be told apart:
# <r1> is the first revision of this story, and the same wherever it is shown. {{etag}}, {{version}}, {{cursor}} and {{location}} are
# the last of their kind that came. JSON is indented here, and comes without white space.

An entry that nobody set.
> leader reader GET /api/v1/config/payments/db.url
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r1>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/payments/db.url",
<   "requestId": "<request id>"
< }

The first set creates it, and its namespace.
> leader admin PUT /api/v1/config/payments/db.url
> Content-Type: application/json
>
> {"value":"postgres://a"}
< 201 Created
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "payments",
<   "key": "db.url",
<   "value": "postgres://a",
<   "type": "string",
<   "version": 1,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader GET /api/v1/config/payments/db.url
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "payments",
<   "key": "db.url",
<   "value": "postgres://a",
<   "type": "string",
<   "version": 1,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Every node has it.
> follower reader GET /api/v1/config/payments/db.url
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>
<
< {
<   "namespace": "payments",
<   "key": "db.url",
<   "value": "postgres://a",
<   "type": "string",
<   "version": 1,
<   "revision": "<r2>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader HEAD /api/v1/config/payments/db.url
< 200 OK
< content-type: application/json
< etag: "<r2>"
< x-confman-version: <r2>

A second set is a new revision and version, an equal value too.
> leader admin PUT /api/v1/config/payments/db.url
> Content-Type: application/json
>
> {"value":"postgres://a","type":"string"}
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "namespace": "payments",
<   "key": "db.url",
<   "value": "postgres://a",
<   "type": "string",
<   "version": 2,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

What the client has is still current: no body.
> leader reader GET /api/v1/config/payments/db.url
> If-None-Match: {{etag}}
< 304 Not Modified
< etag: "<r3>"
< x-confman-version: <r3>

> leader reader HEAD /api/v1/config/payments/db.url
> If-None-Match: {{etag}}
< 304 Not Modified
< etag: "<r3>"
< x-confman-version: <r3>

It is not any more.
> leader reader GET /api/v1/config/payments/db.url
> If-None-Match: "1:1"
< 200 OK
< content-type: application/json
< etag: "<r3>"
< x-confman-version: <r3>
<
< {
<   "namespace": "payments",
<   "key": "db.url",
<   "value": "postgres://a",
<   "type": "string",
<   "version": 2,
<   "revision": "<r3>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

One of several, or any.
> leader reader GET /api/v1/config/payments/db.url
> If-None-Match: "1:1", W/{{etag}}
< 304 Not Modified
< etag: "<r3>"
< x-confman-version: <r3>

> leader reader GET /api/v1/config/payments/db.url
> If-None-Match: *
< 304 Not Modified
< etag: "<r3>"
< x-confman-version: <r3>

Values of every type.
> leader admin PUT /api/v1/config/payments/retries
> Content-Type: application/json
>
> {"value":"3","type":"number"}
< 201 Created
< content-type: application/json
< etag: "<r4>"
< x-confman-version: <r4>
<
< {
<   "namespace": "payments",
<   "key": "retries",
<   "value": "3",
<   "type": "number",
<   "version": 1,
<   "revision": "<r4>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/payments/enabled
> Content-Type: application/json
>
> {"value":"true","type":"boolean"}
< 201 Created
< content-type: application/json
< etag: "<r5>"
< x-confman-version: <r5>
<
< {
<   "namespace": "payments",
<   "key": "enabled",
<   "value": "true",
<   "type": "boolean",
<   "version": 1,
<   "revision": "<r5>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/payments/limits
> Content-Type: application/json; charset=utf-8
>
> {"value":"{\"daily\": 100}","type":"json"}
< 201 Created
< content-type: application/json
< etag: "<r6>"
< x-confman-version: <r6>
<
< {
<   "namespace": "payments",
<   "key": "limits",
<   "value": "{\"daily\": 100}",
<   "type": "json",
<   "version": 1,
<   "revision": "<r6>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/payments/routes.yaml
> Content-Type: application/json
>
> {"value":"a:\n  - b\n","type":"yaml"}
< 201 Created
< content-type: application/json
< etag: "<r7>"
< x-confman-version: <r7>
<
< {
<   "namespace": "payments",
<   "key": "routes.yaml",
<   "value": "a:\n  - b\n",
<   "type": "yaml",
<   "version": 1,
<   "revision": "<r7>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

An empty value is a value, and text is all of Unicode.
> leader admin PUT /api/v1/config/payments/empty
> Content-Type: application/json
>
> {"value":""}
< 201 Created
< content-type: application/json
< etag: "<r8>"
< x-confman-version: <r8>
<
< {
<   "namespace": "payments",
<   "key": "empty",
<   "value": "",
<   "type": "string",
<   "version": 1,
<   "revision": "<r8>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader admin PUT /api/v1/config/payments/greeting
> Content-Type: application/json
>
> {"value":"Grüße, 世界 \ud83d\ude00 \u0000 \" \\"}
< 201 Created
< content-type: application/json
< etag: "<r9>"
< x-confman-version: <r9>
<
< {
<   "namespace": "payments",
<   "key": "greeting",
<   "value": "Grüße, 世界 😀 \u0000 \" \\",
<   "type": "string",
<   "version": 1,
<   "revision": "<r9>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Slashes in names: escaped, or after /-/.
> leader admin PUT /api/v1/config/teams%2Fpayments/db%2Furl
> Content-Type: application/json
>
> {"value":"postgres://b"}
< 201 Created
< content-type: application/json
< etag: "<r10>"
< x-confman-version: <r10>
<
< {
<   "namespace": "teams/payments",
<   "key": "db/url",
<   "value": "postgres://b",
<   "type": "string",
<   "version": 1,
<   "revision": "<r10>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

> leader reader GET /api/v1/config/teams/payments/-/db/url
< 200 OK
< content-type: application/json
< etag: "<r10>"
< x-confman-version: <r10>
<
< {
<   "namespace": "teams/payments",
<   "key": "db/url",
<   "value": "postgres://b",
<   "type": "string",
<   "version": 1,
<   "revision": "<r10>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

A key that looks like a route of its own.
> leader admin PUT /api/v1/config/teams/-/k/history
> Content-Type: application/json
>
> {"value":"x"}
< 201 Created
< content-type: application/json
< etag: "<r11>"
< x-confman-version: <r11>
<
< {
<   "namespace": "teams",
<   "key": "k/history",
<   "value": "x",
<   "type": "string",
<   "version": 1,
<   "revision": "<r11>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

A bearer token is the same as X-API-Key.
> leader bearer-admin PUT /api/v1/config/payments/db.url
> Content-Type: application/json
>
> {"value":"postgres://c"}
< 200 OK
< content-type: application/json
< etag: "<r12>"
< x-confman-version: <r12>
<
< {
<   "namespace": "payments",
<   "key": "db.url",
<   "value": "postgres://c",
<   "type": "string",
<   "version": 3,
<   "revision": "<r12>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }

Delete, and delete what is not there.
> leader admin DELETE /api/v1/config/payments/db.url
< 204 No Content
< x-confman-version: <r13>

> leader reader GET /api/v1/config/payments/db.url
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r13>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/payments/db.url",
<   "requestId": "<request id>"
< }

> leader reader HEAD /api/v1/config/payments/db.url
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r13>

> leader admin DELETE /api/v1/config/payments/db.url
< 404 Not Found
< content-type: application/problem+json
< x-confman-version: <r14>
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "there is no entry of this namespace and key: set it with PUT, or GET the namespace to see its keys",
<   "instance": "/api/v1/config/payments/db.url",
<   "requestId": "<request id>"
< }

Set again, it counts from one.
> leader admin PUT /api/v1/config/payments/db.url
> Content-Type: application/json
>
> {"value":"postgres://d"}
< 201 Created
< content-type: application/json
< etag: "<r15>"
< x-confman-version: <r15>
<
< {
<   "namespace": "payments",
<   "key": "db.url",
<   "value": "postgres://d",
<   "type": "string",
<   "version": 1,
<   "revision": "<r15>",
<   "createdAt": "<time>",
<   "updatedAt": "<time>",
<   "updatedBy": "admin@test"
< }
