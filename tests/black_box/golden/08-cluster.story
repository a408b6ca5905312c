# The cluster, its members, and a backup.

> leader reader GET /api/v1/cluster
< 200 OK
< content-type: application/json
<
< {
<   "cluster": "black-box",
<   "node": 1,
<   "nodes": [
<     {
<       "node": 1,
<       "address": "<peer 1>",
<       "url": "http://<node 1>",
<       "storage": "<id 1>",
<       "voter": true,
<       "reachable": true,
<       "version": "<release>",
<       "groups": [
<         {
<           "group": 0,
<           "role": "leader",
<           "leader": 1,
<           "term": <number>,
<           "lastLogIndex": <number>,
<           "committed": "<r1>",
<           "applied": "<r1>",
<           "snapshot": null,
<           "purged": null,
<           "stateHash": "<id 2>",
<           "lag": 0,
<           "caughtUp": true
<         }
<       ]
<     },
<     {
<       "node": 2,
<       "address": "<peer 2>",
<       "url": "http://<node 2>",
<       "storage": "<id 3>",
<       "voter": true,
<       "reachable": true,
<       "version": "<release>",
<       "groups": [
<         {
<           "group": 0,
<           "role": "follower",
<           "leader": 1,
<           "term": <number>,
<           "lastLogIndex": <number>,
<           "committed": "<r1>",
<           "applied": "<r1>",
<           "snapshot": null,
<           "purged": null,
<           "stateHash": "<id 2>",
<           "lag": 0,
<           "caughtUp": true
<         }
<       ]
<     },
<     {
<       "node": 3,
<       "address": "<peer 3>",
<       "url": "http://<node 3>",
<       "storage": "<id 4>",
<       "voter": true,
<       "reachable": true,
<       "version": "<release>",
<       "groups": [
<         {
<           "group": 0,
<           "role": "follower",
<           "leader": 1,
<           "term": <number>,
<           "lastLogIndex": <number>,
<           "committed": "<r1>",
<           "applied": "<r1>",
<           "snapshot": null,
<           "purged": null,
<           "stateHash": "<id 2>",
<           "lag": 0,
<           "caughtUp": true
<         }
<       ]
<     }
<   ],
<   "alarms": []
< }

> leader reader HEAD /api/v1/cluster
< 200 OK
< content-type: application/json

> follower reader GET /api/v1/cluster/members
< 200 OK
< content-type: application/json
<
< {
<   "items": [
<     {
<       "id": 1,
<       "peer": "<peer 1>",
<       "url": "http://<node 1>",
<       "storage": "<id 1>",
<       "voter": true,
<       "leader": true
<     },
<     {
<       "id": 2,
<       "peer": "<peer 2>",
<       "url": "http://<node 2>",
<       "storage": "<id 3>",
<       "voter": true,
<       "leader": false
<     },
<     {
<       "id": 3,
<       "peer": "<peer 3>",
<       "url": "http://<node 3>",
<       "storage": "<id 4>",
<       "voter": true,
<       "leader": false
<     }
<   ],
<   "revision": "<r2>",
<   "changing": false
< }

> leader reader HEAD /api/v1/cluster/members
< 200 OK
< content-type: application/json

> leader admin GET /api/v1/backup
< 200 OK
< content-disposition: attachment; filename="confman-<r1>.backup"
< content-type: application/octet-stream
< transfer-encoding: chunked
< x-confman-version: <r1>
<
< (bytes)

> leader admin HEAD /api/v1/backup
< 200 OK
< (without content-length)
< content-disposition: attachment; filename="confman-<r1>.backup"
< content-type: application/octet-stream
< x-confman-version: <r1>

> leader reader GET /api/v1/backup
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/backup",
<   "requestId": "<request id>"
< }

> leader admin GET /api/v1/backup
> Accept: application/json
< 406 Not Acceptable
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-acceptable",
<   "title": "Not acceptable",
<   "status": 406,
<   "detail": "answers are application/octet-stream: send Accept: application/octet-stream, or none",
<   "instance": "/api/v1/backup",
<   "requestId": "<request id>"
< }

> leader admin GET /api/v1/backup?at=5:42
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "unknown query parameter \"at\": this path takes consistency, minVersion, timeout, onStale",
<   "instance": "/api/v1/backup",
<   "requestId": "<request id>"
< }
