# The document and the page to try it. Of the document the golden shows what there is, for whom, and how it is answered.

> leader nobody GET /openapi.json
< 200 OK
< content-type: application/json
<
< GET /api/v1/audit (admin): 200 307 400 401 403 406 408 409 431 500 501 503
< HEAD /api/v1/audit (admin): 200 307 400 401 403 406 408 409 431 500 501 503
< GET /api/v1/audit/verify (admin): 200 307 400 401 403 406 408 409 431 500 501 503
< HEAD /api/v1/audit/verify (admin): 200 307 400 401 403 406 408 409 431 500 501 503
< GET /api/v1/audit/{namespace} (reader): 200 307 400 401 406 408 409 431 500 501 503
< HEAD /api/v1/audit/{namespace} (reader): 200 307 400 401 406 408 409 431 500 501 503
< GET /api/v1/backup (admin): 200 307 400 401 403 406 408 409 431 500 501 503
< HEAD /api/v1/backup (admin): 200 307 400 401 403 406 408 409 431 500 501 503
< GET /api/v1/cluster (reader): 200 400 401 406 408 431 500 503
< HEAD /api/v1/cluster (reader): 200 400 401 406 408 431 500 503
< POST /api/v1/cluster/leader (admin): 200 307 400 401 403 404 406 408 409 413 415 431 500 501 503 504 507
< GET /api/v1/cluster/members (reader): 200 400 401 406 408 431 500 503
< HEAD /api/v1/cluster/members (reader): 200 400 401 406 408 431 500 503
< POST /api/v1/cluster/members (admin): 201 202 307 400 401 403 404 406 408 409 413 415 431 500 501 503 504 507
< DELETE /api/v1/cluster/members/{node} (admin): 204 307 400 401 403 404 406 408 409 431 500 501 503 504 507
< GET /api/v1/cluster/members/{node} (reader): 200 400 401 404 406 408 431 500 503
< HEAD /api/v1/cluster/members/{node} (reader): 200 400 401 404 406 408 431 500 503
< PUT /api/v1/cluster/members/{node} (admin): 200 307 400 401 403 404 406 408 409 413 415 431 500 501 503 504 507
< POST /api/v1/cluster/members/{node}/replace (admin): 201 202 307 400 401 403 404 406 408 409 413 415 431 500 501 503 504 507
< GET /api/v1/config/{namespace} (reader): 200 304 307 400 401 406 408 409 412 413 422 431 500 501 503
< HEAD /api/v1/config/{namespace} (reader): 200 304 307 400 401 406 408 409 412 413 422 431 500 501 503
< DELETE /api/v1/config/{namespace}/{key} (admin): 204 307 400 401 403 404 406 408 412 422 431 500 501 503 504 507
< GET /api/v1/config/{namespace}/{key} (reader): 200 304 307 400 401 404 406 408 409 412 431 500 501 503
< HEAD /api/v1/config/{namespace}/{key} (reader): 200 304 307 400 401 404 406 408 409 412 431 500 501 503
< PUT /api/v1/config/{namespace}/{key} (admin): 200 201 307 400 401 403 406 408 412 413 415 422 431 500 501 503 504 507
< GET /api/v1/config/{namespace}/{key}/history (reader): 200 307 400 401 404 406 408 409 431 500 501 503
< HEAD /api/v1/config/{namespace}/{key}/history (reader): 200 307 400 401 404 406 408 409 431 500 501 503
< POST /api/v1/config/{namespace}/{key}/rollback (admin): 200 201 204 307 400 401 403 404 406 408 412 413 415 422 431 500 501 503 504 507
< GET /api/v1/diff/{namespace} (reader): 200 307 400 401 406 408 409 431 500 501 503
< HEAD /api/v1/diff/{namespace} (reader): 200 307 400 401 406 408 409 431 500 501 503
< GET /api/v1/namespaces (reader): 200 304 307 400 401 406 408 409 412 431 500 501 503
< HEAD /api/v1/namespaces (reader): 200 304 307 400 401 406 408 409 412 431 500 501 503
< DELETE /api/v1/namespaces/{namespace} (admin): 204 307 400 401 403 404 406 408 409 412 422 431 500 501 503 504 507
< GET /api/v1/namespaces/{namespace} (reader): 200 304 307 400 401 404 406 408 409 412 431 500 501 503
< HEAD /api/v1/namespaces/{namespace} (reader): 200 304 307 400 401 404 406 408 409 412 431 500 501 503
< PUT /api/v1/namespaces/{namespace} (admin): 200 201 307 400 401 403 406 408 412 413 415 422 431 500 501 503 504 507
< POST /api/v1/txn (admin): 200 307 400 401 403 406 408 412 413 415 422 431 500 501 503 504 507
< GET /health (none): 200 400 408 431 500 503
< HEAD /health (none): 200 400 408 431 500 503
< GET /health/ready (none): 200 400 408 431 500 503
< HEAD /health/ready (none): 200 400 408 431 500 503
< GET /openapi.json (none): 200 400 408 431 500 503
< HEAD /openapi.json (none): 200 400 408 431 500 503
< GET /swagger (none): 200 400 408 431 500 503
< HEAD /swagger (none): 200 400 408 431 500 503
< GET /swagger/{asset} (none): 200 400 404 408 431 500 503
< HEAD /swagger/{asset} (none): 200 400 404 408 431 500 503

> leader nobody HEAD /openapi.json
< 200 OK
< content-type: application/json

> leader nobody GET /swagger
< 200 OK
< content-security-policy: default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
< content-type: text/html; charset=utf-8
< x-content-type-options: nosniff
<
< <!doctype html>
< <html lang="en">
< <head>
<   <meta charset="utf-8">
<   <meta name="viewport" content="width=device-width, initial-scale=1">
<   <title>Confman</title>
<   <link rel="icon" href="data:,">
<   <link rel="stylesheet" href="swagger/swagger-ui.css">
< </head>
< <body>
<   <noscript>This page needs JavaScript. What it shows is in <a href="openapi.json">openapi.json</a>.</noscript>
<   <div id="page"></div>
<   <script src="swagger/swagger-ui-bundle.js"></script>
<   <script src="swagger/start.js"></script>
< </body>
< </html>

> leader nobody HEAD /swagger
< 200 OK
< content-security-policy: default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
< content-type: text/html; charset=utf-8
< x-content-type-options: nosniff

> leader nobody GET /swagger/start.js
< 200 OK
< content-type: text/javascript; charset=utf-8
< x-content-type-options: nosniff
<
< // Keys are kept in this page alone and are gone with it. No validator: nothing is sent elsewhere.
< window.ui = SwaggerUIBundle({
<   url: "openapi.json",
<   dom_id: "#page",
<   deepLinking: true,
<   displayRequestDuration: true,
<   persistAuthorization: false,
<   validatorUrl: null,
<   queryConfigEnabled: false,
<   requestSnippetsEnabled: true,
<   tryItOutEnabled: true,
< });

> leader nobody HEAD /swagger/start.js
< 200 OK
< content-type: text/javascript; charset=utf-8
< x-content-type-options: nosniff

> leader nobody GET /swagger/swagger-ui.css
< 200 OK
< content-encoding: gzip
< content-type: text/css; charset=utf-8
< x-content-type-options: nosniff
<
< (bytes)

> leader nobody GET /swagger/nothing.js
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "the page loads nothing of this name: see /swagger",
<   "instance": "/swagger/nothing.js",
<   "requestId": "<request id>"
< }
