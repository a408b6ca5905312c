# Namespaces.

> leader reader GET /api/v1/namespaces/spaces%2Fpay

> leader admin PUT /api/v1/namespaces/spaces%2Fpay
> Content-Type: application/json
>
> {"description":"What the payment services read","owner":"payments@example.org"}

> leader admin PUT /api/v1/namespaces/spaces/pay/-
> Content-Type: application/json
>
> {"description":"","owner":"payments@example.org"}

> follower reader GET /api/v1/namespaces/spaces%2Fpay

> leader reader HEAD /api/v1/namespaces/spaces%2Fpay

> leader reader GET /api/v1/namespaces/spaces%2Fpay
> If-None-Match: {{etag}}

Entries make their namespace, owned by who set them.
> leader admin PUT /api/v1/config/spaces/k
> Content-Type: application/json
>
> {"value":"v"}

> leader reader GET /api/v1/namespaces/spaces

> leader reader GET /api/v1/namespaces?prefix=spaces

> leader reader GET /api/v1/namespaces?prefix=spaces&limit=1

> leader reader GET /api/v1/namespaces?prefix=spaces&limit=1&cursor={{cursor}}

> leader reader HEAD /api/v1/namespaces

One with entries is not deleted.
> leader admin DELETE /api/v1/namespaces/spaces

> leader admin DELETE /api/v1/config/spaces/k

> leader admin DELETE /api/v1/namespaces/spaces

> leader admin DELETE /api/v1/namespaces/spaces

Bodies that do not fit.
> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x"}

> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x","owner":""}

> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"{{4097 times x}}","owner":"o"}

> leader admin PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x","owner":"{{257 times o}}"}

> leader reader PUT /api/v1/namespaces/spaces
> Content-Type: application/json
>
> {"description":"x","owner":"o"}
