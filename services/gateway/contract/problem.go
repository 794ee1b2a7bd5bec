package contract

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// problem is a response that operations can give instead of success.
type problem struct {
	status  int
	name    string // of the component
	meaning string // in both languages
	code    string // of the example
	detail  string // of the example
	headers map[string]string
	applies func(o Operation, conditional bool) bool
}

func always(Operation, bool) bool           { return true }
func served(o Operation, _ bool) bool       { return o.Service != Own }
func secured(o Operation, _ bool) bool      { return !o.Public }
func hasBody(o Operation, _ bool) bool      { return o.Body }
func changes(o Operation, _ bool) bool      { return o.Method != "GET" }
func versioned(_ Operation, cond bool) bool { return cond }

// problems are those of the API, each where it applies, in order of status.
var problems = []problem{
	{400, "BadRequest", "Anropet har fel form; errors säger var. / The request has the wrong form; errors says where.",
		"invalid", "Det som skickades stämmer inte med kontraktet.", nil, always},
	{401, "Unauthorized", "Giltig åtkomsttoken saknas. / A valid access token is missing.",
		"token-invalid", "Åtkomsttoken är inte giltig.", map[string]string{"WWW-Authenticate": "WwwAuthenticate"}, secured},
	{403, "Forbidden", "Rollen får inte göra detta. / The role may not do this.",
		"forbidden", "Din roll får inte göra detta.", nil, secured},
	{404, "NotFound", "Finns inte, eller får inte ses av den som frågar. / Does not exist, or may not be seen by the caller.",
		"not-found", "Det du söker finns inte, eller så får du inte se det.", nil, served},
	{409, "Conflict", "Läget tillåter det inte. / The state does not allow it.",
		"already-exists", "Det finns redan.", nil, changes},
	{412, "PreconditionFailed", "If-Match anger en gammal version. / If-Match names an old version.",
		"stale-version", "Någon annan har ändrat detta sedan du läste det. Läs om och försök igen.", nil, versioned},
	{413, "ContentTooLarge", "Innehållet är större än 1 MiB. / The content is larger than 1 MiB.",
		"body-too-large", "Innehållet är för stort; högst 1 MiB tas emot.", nil, hasBody},
	{415, "UnsupportedMediaType", "Innehållet är inte application/json. / The content is not application/json.",
		"unsupported-media-type", "Innehållet måste vara application/json.", nil, hasBody},
	{422, "UnprocessableContent", "Rätt form, men mot en regel. / The right form, but against a rule.",
		"idempotency-key-reused", "Samma Idempotency-Key har redan använts med ett annat innehåll.", nil, changes},
	{428, "PreconditionRequired", "If-Match saknas. / If-Match is missing.",
		"if-match-required", "Ange i If-Match vilken version ändringen bygger på.", nil, versioned},
	{429, "TooManyRequests", "Gränsen är nådd; Retry-After säger när det är värt att försöka igen. / The limit is reached; Retry-After says when to try again.",
		"rate-limit", "Ni har gjort för många anrop på kort tid. Vänta en stund och försök igen.",
		map[string]string{"Retry-After": "RetryAfter"}, served},
	{503, "ServiceUnavailable", "Tjänsten kan inte svara just nu. / The service cannot answer right now.",
		"unavailable", "Tjänsten kan inte svara just nu. Försök igen om en stund.", map[string]string{"Retry-After": "RetryAfter"}, served},
	{504, "GatewayTimeout", "Tjänsten svarade inte i tid. / The service did not answer in time.",
		"timeout", "Tjänsten svarade inte i tid. Försök igen om en stund.", nil, served},
}

// otherProblem is the response default: what no status of its own tells.
var otherProblem = problem{500, "Problem", "Något annat gick fel. / Something else went wrong.",
	"internal", "Något gick fel hos oss. Felet är noterat.", nil, always}

// titles are the reasons of RFC 9110 in the API's first language.
var titles = map[int]string{
	400: "Felaktigt anrop", 401: "Inte inloggad", 403: "Inte tillåtet", 404: "Finns inte", 409: "Krockar med läget",
	412: "Gammal version", 413: "För stort", 415: "Fel slags innehåll", 422: "Mot en regel", 428: "Version saknas",
	429: "För många anrop", 500: "Internt fel", 503: "Otillgänglig", 504: "För långsamt",
}

// problem puts the component of a problem response into the document once.
func (j *join) problem(p problem) {
	all := under(get(j.root, "components"), "responses")
	if child(all, p.name) != nil {
		return
	}
	var n yaml.Node
	// The text is ours alone, so it is always YAML.
	_ = yaml.Unmarshal(fmt.Appendf(nil, problemForm, p.meaning, titles[p.status], titles[p.status], p.code, p.status, p.detail, p.code), &n)
	r := n.Content[0]
	headers := get(r, "headers")
	for name, component := range p.headers {
		set(headers, name, reference("headers", component))
	}
	if p.status != 401 && p.status != 400 && p.status != 500 {
		set(headers, "RateLimit", reference("headers", "RateLimit"))
		set(headers, "RateLimit-Policy", reference("headers", "RateLimitPolicy"))
	}
	set(all, p.name, r)
	j.owner["responses/"+p.name] = Own + " (status " + strconv.Itoa(p.status) + ")"
}

const problemForm = `description: %q
headers:
  traceparent: { $ref: "#/components/headers/TraceParent" }
  X-Request-Id: { $ref: "#/components/headers/RequestId" }
content:
  application/problem+json:
    schema: { $ref: "#/components/schemas/Problem" }
    examples:
      problem:
        summary: %q
        value:
          type: /docs/problems/%[4]s
          title: %[3]q
          status: %[5]d
          detail: %[6]q
          instance: urn:uuid:2f1d6c1e-4a0b-4c1d-9f6e-0a7b3c5d9e11
          code: %[7]s
          traceId: 4bf92f3577b34da6a3ce929d0e0e4736
`
