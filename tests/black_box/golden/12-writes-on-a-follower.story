# Writes that reach a follower: redirected, or passed on where a redirect would lose the client's credentials.

> follower admin PUT /api/v1/config/routed/k
> Content-Type: application/json
>
> {"value":"1"}

> leader admin PUT {{location}}
> Content-Type: application/json
>
> {"value":"1"}

> follower bearer-admin PUT /api/v1/config/routed/k
> Content-Type: application/json
>
> {"value":"2"}

The follower has what it passed on.
> follower reader GET /api/v1/config/routed/k

A browser cannot follow to another origin.
> follower admin PUT /api/v1/config/routed/k
> Content-Type: application/json
> Origin: http://example.org
>
> {"value":"3"}

> follower admin DELETE /api/v1/config/routed/k

> follower admin PUT /api/v1/namespaces/routed
> Content-Type: application/json
>
> {"description":"x","owner":"o"}

Redirects are counted.
> follower admin DELETE /api/v1/config/routed/k?hop=1

> follower admin DELETE /api/v1/config/routed/k?hop=2

Who may not write is told so here.
> follower reader DELETE /api/v1/config/routed/k
