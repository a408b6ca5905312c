# The members of the cluster change. A line that begins with `!` starts a node.

> leader reader GET /api/v1/cluster/members
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
<       "storage": "<id 2>",
<       "voter": true,
<       "leader": false
<     },
<     {
<       "id": 3,
<       "peer": "<peer 3>",
<       "url": "http://<node 3>",
<       "storage": "<id 3>",
<       "voter": true,
<       "leader": false
<     }
<   ],
<   "revision": "<r1>",
<   "changing": false
< }

> leader reader GET /api/v1/cluster/members/2
< 200 OK
< content-type: application/json
<
< {
<   "id": 2,
<   "peer": "<peer 2>",
<   "url": "http://<node 2>",
<   "storage": "<id 2>",
<   "voter": true,
<   "leader": false
< }

> leader reader HEAD /api/v1/cluster/members/2
< 200 OK
< content-type: application/json

> leader reader GET /api/v1/cluster/members/7
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "node 7 is not a member: see GET /api/v1/cluster/members for those there are",
<   "instance": "/api/v1/cluster/members/7",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/cluster/members/two
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a node is named by its id, a number from 1",
<   "instance": "/api/v1/cluster/members/two",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/cluster/members/0
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a node is named by its id, a number from 1",
<   "instance": "/api/v1/cluster/members/0",
<   "requestId": "<request id>"
< }

A node that does not run is not added, nor one that is a member, nor one without an address.
> leader admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":4,"peer":"{{peer 4}}","url":"{{url 4}}"}
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/membership-conflict",
<   "title": "Membership change refused",
<   "status": 409,
<   "detail": "node 4 does not answer at <peer 4>: the peer cannot be reached: connecting to <peer 4>: Connection refused (os error <number>). Start it first, with an empty data directory and this cluster's name and secret",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":2,"peer":"{{peer 4}}","url":"{{url 4}}"}
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/membership-conflict",
<   "title": "Membership change refused",
<   "status": 409,
<   "detail": "node 2 is a member already, at <peer 2> and http://<node 2>: give the new node an id that was never used, like 4",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":4,"peer":"nowhere","url":"{{url 4}}"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "peer is where other nodes reach the node, host and port like 10.0.0.4:7500",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":4,"peer":"{{peer 4}}","url":"somewhere"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "url is where clients reach the node, like http://10.0.0.4:7400",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":0,"peer":"{{peer 4}}","url":"{{url 4}}"}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "id is a number from 1 that was never used in this cluster",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>"
< }

> leader reader POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":4,"peer":"{{peer 4}}","url":"{{url 4}}"}
< 403 Forbidden
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/forbidden",
<   "title": "Not permitted",
<   "status": 403,
<   "detail": "the key 'reader' has the role reader, this takes admin: use another key",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>"
< }

A follower says who leads.
> follower admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":4,"peer":"{{peer 4}}","url":"{{url 4}}"}
< 307 Temporary Redirect
< content-type: application/problem+json
< location: http://<node 1>/api/v1/cluster/members?hop=1
<
< {
<   "type": "https://confman/errors/not-leader",
<   "title": "Not the leader",
<   "status": 307,
<   "detail": "nothing was written: send the request to the leader at http://<node 1>, or follow the Location",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>",
<   "leader": "http://<node 1>"
< }

! start 4
It runs, and is added as a learner.
> leader admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":4,"peer":"{{peer 4}}","url":"{{url 4}}","promote":false}
< 201 Created
< content-type: application/json
< location: /api/v1/cluster/members/4
< x-confman-version: <r2>
<
< {
<   "id": 4,
<   "pending": false,
<   "revision": "<r2>"
< }

> leader reader GET /api/v1/cluster/members/4
< 200 OK
< content-type: application/json
<
< {
<   "id": 4,
<   "peer": "<peer 4>",
<   "url": "http://<node 4>",
<   "storage": "<id 4>",
<   "voter": false,
<   "leader": false
< }

Then it gets a vote. There is no way back but to remove it.
> leader admin PUT /api/v1/cluster/members/4
> Content-Type: application/json
>
> {"voter":true}
< 200 OK
< content-type: application/json
< x-confman-version: <r3>
<
< {
<   "id": 4,
<   "pending": false,
<   "revision": "<r3>"
< }

> leader admin PUT /api/v1/cluster/members/4
> Content-Type: application/json
>
> {"voter":true}
< 200 OK
< content-type: application/json
< x-confman-version: <r3>
<
< {
<   "id": 4,
<   "pending": false,
<   "revision": "<r3>"
< }

> leader admin PUT /api/v1/cluster/members/4
> Content-Type: application/json
>
> {"voter":false}
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "a voter is not made a learner again: remove it, or leave it as it is",
<   "instance": "/api/v1/cluster/members/4",
<   "requestId": "<request id>"
< }

> leader admin PUT /api/v1/cluster/members/7
> Content-Type: application/json
>
> {"voter":true}
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "node 7 is not a member: see GET /api/v1/cluster/members for those there are",
<   "instance": "/api/v1/cluster/members/7",
<   "requestId": "<request id>"
< }

Another one leads, and hands it back.
> leader admin POST /api/v1/cluster/leader
> Content-Type: application/json
>
> {"node":2}
< 200 OK
< content-type: application/json
<
< {
<   "node": 2
< }

> follower admin POST /api/v1/cluster/leader
> Content-Type: application/json
>
> {"node":1}
< 200 OK
< content-type: application/json
<
< {
<   "node": 1
< }

> leader admin POST /api/v1/cluster/leader
> Content-Type: application/json
>
> {"node":7}
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "node 7 is not a member: see GET /api/v1/cluster/members for those there are",
<   "instance": "/api/v1/cluster/leader",
<   "requestId": "<request id>"
< }

A node takes the place of another only where it runs.
> leader admin POST /api/v1/cluster/members/4/replace
> Content-Type: application/json
>
> {"id":5,"peer":"127.0.0.1:1","url":"http://127.0.0.1:1"}
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/membership-conflict",
<   "title": "Membership change refused",
<   "status": 409,
<   "detail": "node 5 does not answer at 127.0.0.1:1: the peer cannot be reached: connecting to 127.0.0.1:1: Connection refused (os error <number>). Start it first, with an empty data directory and this cluster's name and secret",
<   "instance": "/api/v1/cluster/members/4/replace",
<   "requestId": "<request id>"
< }

Removed is removed.
> leader admin DELETE /api/v1/cluster/members/4
< 204 No Content
< x-confman-version: <r4>

> leader admin DELETE /api/v1/cluster/members/4
< 404 Not Found
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/not-found",
<   "title": "Not found",
<   "status": 404,
<   "detail": "node 4 is not a member: see GET /api/v1/cluster/members for those there are",
<   "instance": "/api/v1/cluster/members/4",
<   "requestId": "<request id>"
< }

> leader admin DELETE /api/v1/cluster/members/4?force=perhaps
< 400 Bad Request
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/invalid-request",
<   "title": "Invalid request",
<   "status": 400,
<   "detail": "force is true or false",
<   "instance": "/api/v1/cluster/members/4",
<   "requestId": "<request id>"
< }

> leader admin POST /api/v1/cluster/members
> Content-Type: application/json
>
> {"id":4,"peer":"{{peer 4}}","url":"{{url 4}}"}
< 409 Conflict
< content-type: application/problem+json
<
< {
<   "type": "https://confman/errors/membership-conflict",
<   "title": "Membership change refused",
<   "status": 409,
<   "detail": "node 4 at <peer 4> has data already, of this cluster or of another: stop it, give it an empty data directory and an id that was never used, and start it again; its [[members]] must name the nodes of this cluster beside itself, so that it forms none of its own",
<   "instance": "/api/v1/cluster/members",
<   "requestId": "<request id>"
< }

> leader reader GET /api/v1/cluster/members
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
<       "storage": "<id 2>",
<       "voter": true,
<       "leader": false
<     },
<     {
<       "id": 3,
<       "peer": "<peer 3>",
<       "url": "http://<node 3>",
<       "storage": "<id 3>",
<       "voter": true,
<       "leader": false
<     }
<   ],
<   "revision": "<r4>",
<   "changing": false
< }
