# Heads that are too large or no HTTP, answered by the server itself, which closes the connection then.

> leader reader GET /api/v1/config/a/k
> X-Long: {{40000 times x}}

> leader reader GET /api/v1/config/a/{{40000 times k}}

> leader reader GET /api/v1/config/a/k
> Bad header: x

> leader reader GET /api/v1/config/a/k with a space

> leader reader GET /api/v1/config/a/ä

> leader reader GET /api/v1/config/a/k
> Host: another
