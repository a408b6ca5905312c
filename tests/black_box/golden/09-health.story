# Health: open to all.

> leader nobody GET /health

> leader nobody HEAD /health

> leader nobody GET /health/ready

> follower nobody GET /health/ready

> leader nobody HEAD /health/ready

A key that nobody knows does no harm where none is needed.
> leader stranger GET /health
