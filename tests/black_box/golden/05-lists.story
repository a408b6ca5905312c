# Lists and pages.

> leader reader GET /api/v1/config/empty

> leader admin PUT /api/v1/config/lists/b
> Content-Type: application/json
>
> {"value":"2"}

> leader admin PUT /api/v1/config/lists/a/1
> Content-Type: application/json
>
> {"value":"1"}

> leader admin PUT /api/v1/config/lists/-/a/1
> Content-Type: application/json
>
> {"value":"1"}

> leader admin PUT /api/v1/config/lists/a.2
> Content-Type: application/json
>
> {"value":"3"}

In byte order.
> leader reader GET /api/v1/config/lists

> leader reader GET /api/v1/config/lists?prefix=a.

> leader reader HEAD /api/v1/config/lists

Pages: the first one.
> leader reader GET /api/v1/config/lists?limit=2

What is written meanwhile is not on the next, which any node gives.
> leader admin PUT /api/v1/config/lists/c
> Content-Type: application/json
>
> {"value":"4"}

> follower reader GET /api/v1/config/lists?limit=2&cursor={{cursor}}

The cursor is of its query: not of another namespace, prefix or list.
> leader reader GET /api/v1/config/payments?limit=2&cursor={{cursor}}

> leader reader GET /api/v1/config/lists?limit=2&prefix=a&cursor={{cursor}}

> leader reader GET /api/v1/namespaces?cursor={{cursor}}

The other form of the path is the same list.
> leader reader GET /api/v1/config/lists/-/?limit=1

Without a key, with one that nobody knows, and with two.
> leader nobody GET /api/v1/config/lists

> leader stranger GET /api/v1/config/lists

> leader reader GET /api/v1/config/lists
> Authorization: Bearer some-other-key-of-length
