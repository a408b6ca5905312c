# Health: open to all.

> leader nobody GET /health
< 200 OK
< content-type: application/json
<
< {
<   "status": "healthy"
< }

> leader nobody HEAD /health
< 200 OK
< content-type: application/json

> leader nobody GET /health/ready
< 200 OK
< content-type: application/json
<
< {
<   "status": "ready",
<   "leader": "http://<node 1>"
< }

> follower nobody GET /health/ready
< 200 OK
< content-type: application/json
<
< {
<   "status": "ready",
<   "leader": "http://<node 1>"
< }

> leader nobody HEAD /health/ready
< 200 OK
< content-type: application/json

A key that nobody knows does no harm where none is needed.
> leader stranger GET /health
< 200 OK
< content-type: application/json
<
< {
<   "status": "healthy"
< }
