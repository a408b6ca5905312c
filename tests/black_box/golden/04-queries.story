# Query parameters and headers: what this release does not know or not have is said, never ignored.

> leader reader GET /api/v1/config/a/k?colour=red

> leader reader GET /api/v1/cluster?pretty

> leader reader GET /health?pretty

> leader reader GET /api/v1/config/a?limit=0

> leader reader GET /api/v1/config/a?limit=1001

> leader reader GET /api/v1/config/a?limit=ten

> leader reader GET /api/v1/config/a?limit=

> leader reader GET /api/v1/config/a?limit=1&limit=2

> leader reader GET /api/v1/config/a?prefix=%f

> leader reader GET /api/v1/config/a?cursor=abc

> leader admin PUT /api/v1/config/a/k?hop=x
> Content-Type: application/json
>
> {"value":"v"}

Parts of the contract that this release does not have.
> leader reader GET /api/v1/config/a/k?at=5:42

> leader reader GET /api/v1/config/a/k?minVersion=5:42

> leader reader GET /api/v1/config/a/k?consistency=linearizable

> leader reader GET /api/v1/config/a/k
> X-Confman-Consistency: read-your-writes

> leader reader GET /api/v1/config/a/k
> X-Confman-Min-Version: 5:42

> leader reader GET /api/v1/config/a/k?consistency=strong

> leader admin PUT /api/v1/config/a/k
> Content-Type: application/json
> If-Match: "5:42"
>
> {"value":"v"}

> leader admin PUT /api/v1/config/a/k
> Content-Type: application/json
> If-None-Match: *
>
> {"value":"v"}

> leader admin PUT /api/v1/config/a/k
> Content-Type: application/json
> Idempotency-Key: 1f0d
>
> {"value":"v"}

> leader admin DELETE /api/v1/config/a/k
> If-Match: *

> leader reader GET /api/v1/config/a/k/history

> leader admin POST /api/v1/config/a/k/rollback
> Content-Type: application/json
>
> {"revision":"5:42"}

> leader reader GET /api/v1/diff/a?from=1:1

> leader admin POST /api/v1/txn
> Content-Type: application/json
>
> {"ops":[]}

> leader reader GET /api/v1/watch?namespace=a

> leader reader POST /api/v1/watch/ticket

What this release has is asked for by name as well.
> leader reader GET /api/v1/config/a/k?consistency=eventual
> X-Confman-Consistency: eventual

What the client accepts.
> leader reader GET /api/v1/config/a/k
> Accept: text/html

> leader reader GET /api/v1/config/a/k
> Accept: application/json;q=0, */*

> leader reader GET /api/v1/config/a/k
> Accept: text/html, */*;q=0.1

A request id of the client's own is in the answer; one that is none of ours is replaced.
> leader reader GET /api/v1/config/a/k
> X-Request-ID: order-66

> leader reader GET /api/v1/config/a/k
> X-Request-ID: two words
