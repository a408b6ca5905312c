# Audit: who changed what.

> leader reader GET /api/v1/audit/audited

> leader admin PUT /api/v1/config/audited/k
> Content-Type: application/json
> X-Request-ID: first-set
>
> {"value":"1","type":"number"}

> leader bearer-admin PUT /api/v1/config/audited/k
> Content-Type: application/json
> X-Request-ID: second-set
>
> {"value":"2"}

> leader admin DELETE /api/v1/config/audited/k
> X-Request-ID: delete

What changed nothing is no event.
> leader admin DELETE /api/v1/config/audited/k

> leader admin PUT /api/v1/namespaces/audited
> Content-Type: application/json
> X-Request-ID: describe
>
> {"description":"d","owner":"o"}

> leader admin DELETE /api/v1/namespaces/audited
> X-Request-ID: remove

> leader reader GET /api/v1/audit/audited

The same on every node; in pages.
> follower reader GET /api/v1/audit/audited?limit=1

> leader reader GET /api/v1/audit/audited?limit=1&cursor={{cursor}}

> leader reader GET /api/v1/audit/payments?limit=1&cursor={{cursor}}

All of it is for admins.
> leader admin GET /api/v1/audit?limit=1

> leader reader GET /api/v1/audit?limit=1

> leader admin HEAD /api/v1/audit

> leader reader HEAD /api/v1/audit/audited

The whole chain.
> leader admin GET /api/v1/audit/verify

> leader admin HEAD /api/v1/audit/verify

> leader reader GET /api/v1/audit/verify

> leader admin GET /api/v1/audit/verify?limit=1

The audit of a namespace of that name.
> leader reader GET /api/v1/audit/verify/-
