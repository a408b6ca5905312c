# Bodies and values that are refused: nothing is written, and the answer says what to send.

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"1,5","type":"number"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"yes","type":"boolean"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{\n \"a\":}","type":"json"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"a: [1","type":"yaml"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v","type":"xml"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":5}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":null}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"type":"string"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v","kind":"json"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v","value":"w"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> ["v"]

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"v"

A body that is none, and no body.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> value=v

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json

Half of a surrogate pair is no text, nor are bytes that are not UTF-8.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"\ud83d"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{{byte ff}}"}

What curl -d sends when nothing is said, and other types.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/x-www-form-urlencoded
>
> {"value":"v"}

> leader admin PUT /api/v1/config/values/k
>
> {"value":"v"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: text/plain
>
> {"value":"v"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json; charset=latin1
>
> {"value":"v"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
> Content-Encoding: gzip
>
> {"value":"v"}

A value of one byte too many, and a body.
> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{{1048577 times v}}"}

> leader admin PUT /api/v1/config/values/k
> Content-Type: application/json
>
> {"value":"{{8388608 times v}}"}

Nothing of this was written.
> leader reader GET /api/v1/config/values
