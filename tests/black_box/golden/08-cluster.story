# The cluster, its members, and a backup.

> leader reader GET /api/v1/cluster

> leader reader HEAD /api/v1/cluster

> follower reader GET /api/v1/cluster/members

> leader reader HEAD /api/v1/cluster/members

> leader admin GET /api/v1/backup

> leader admin HEAD /api/v1/backup

> leader reader GET /api/v1/backup

> leader admin GET /api/v1/backup
> Accept: application/json

> leader admin GET /api/v1/backup?at=5:42
