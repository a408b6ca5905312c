# Methods that a path does not have, with the ones it has.

> leader admin PATCH /api/v1/config/a/k

> leader admin POST /api/v1/config/a

> leader admin PUT /api/v1/config/a
> Content-Type: application/json
>
> {"value":"v"}

> leader admin DELETE /api/v1/audit

> leader admin POST /api/v1/namespaces
> Content-Type: application/json
>
> {"description":"x","owner":"o"}

> leader nobody POST /health

> leader nobody OPTIONS /api/v1/config/a/k

> leader nobody OPTIONS /health

> leader admin HEAD /api/v1/txn

> leader nobody TRACE /health

> leader admin BREW /api/v1/config/a/k

> leader nobody OPTIONS *

> leader nobody CONNECT example.org:443

> leader nobody GET http://example.org/health
