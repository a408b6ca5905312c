# Names and paths: what is a namespace, what is a key, and what is neither.

> leader reader GET /api/v1/config/a%20b/k

> leader reader GET /api/v1/config/-a/k

> leader reader GET /api/v1/config/a%2F%2Fb/k

> leader reader GET /api/v1/config/a/b%2F%2Fc

> leader reader GET /api/v1/config/a/%C3%A4

> leader reader GET /api/v1/config/a/b%00c

A namespace of nine segments, a segment of 65 characters, a key of 513.
> leader reader GET /api/v1/config/a/b/c/d/e/f/g/h/i/-/k

> leader reader GET /api/v1/config/{{65 times a}}/k

> leader reader GET /api/v1/config/a/{{513 times k}}

Dots are names only where they are part of one.
> leader reader GET /api/v1/config/a/-/../k

> leader reader GET /api/v1/config/a/%2e%2e

> leader reader GET /api/v1/config/../cluster

> leader reader GET /api/v1/config/%2e%2e/cluster

Percent signs that say nothing, and bytes that are no UTF-8.
> leader reader GET /api/v1/config/%zz/k

> leader reader GET /api/v1/config/a/%f

> leader reader GET /api/v1/config/%ff/k

Paths that there are not. Case counts, and so does every slash.
> leader reader GET /

> leader reader GET /api/v1

> leader reader GET /api/v1/

> leader reader GET /api/v2/config/a/k

> leader reader GET /API/v1/config/a/k

> leader reader GET //api/v1/config/a/k

> leader reader GET /api/v1/config

> leader reader GET /api/v1/config/

> leader reader GET /api/v1/config/a/

> leader reader GET /api/v1/config/a/b/c

> leader reader GET /health/

Neither does a key make a path, nor the lack of one hide that there is none.
> leader nobody GET /api/v1/nothing

> leader reader HEAD /api/v1/nothing

> leader admin DELETE /api/v1/nothing
