# The document and the page to try it. Of the document the golden shows what there is, for whom, and how it is answered.

> leader nobody GET /openapi.json

> leader nobody HEAD /openapi.json

> leader nobody GET /swagger

> leader nobody HEAD /swagger

> leader nobody GET /swagger/start.js

> leader nobody HEAD /swagger/start.js

> leader nobody GET /swagger/swagger-ui.css

> leader nobody GET /swagger/nothing.js
