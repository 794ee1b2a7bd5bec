package contract

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/web"
)

// problem is a response that operations can give instead of success.
type problem struct {
	status  int
	name    string // of the component
	meaning string // in both languages
	title   string // of the example, as web writes it
	example *fault.Error
	headers map[string]string
	applies func(o Operation, conditional bool) bool
}

func always(Operation, bool) bool           { return true }
func served(o Operation, _ bool) bool       { return o.Service != Own }
func secured(o Operation, _ bool) bool      { return !o.Public }
func hasBody(o Operation, _ bool) bool      { return o.Body }
func changes(o Operation, _ bool) bool      { return o.Method != "GET" }
func versioned(_ Operation, cond bool) bool { return cond }

var (
	challenged = map[string]string{"WWW-Authenticate": "WwwAuthenticate"}
	advised    = map[string]string{"Retry-After": "RetryAfter"}
)

// problems are those of the API, each where it applies, in order of status.
var problems = []problem{
	{400, "BadRequest", "Anropet har fel form; errors säger var. / The request has the wrong form; errors says where.",
		"Felaktigt anrop", web.ErrInvalid, nil, always},
	{401, "Unauthorized", "Giltig åtkomsttoken saknas. / A valid access token is missing.",
		"Inte inloggad", web.ErrToken, challenged, secured},
	{403, "Forbidden", "Rollen får inte göra detta. / The role may not do this.",
		"Inte tillåtet", fault.ErrForbidden, nil, secured},
	{404, "NotFound", "Finns inte, eller får inte ses av den som frågar. / Does not exist, or may not be seen by the caller.",
		"Finns inte", fault.ErrNotFound, nil, served},
	{409, "Conflict", "Läget tillåter det inte. / The state does not allow it.",
		"Går inte nu", fault.ErrConflict, nil, changes},
	{412, "PreconditionFailed", "If-Match anger en gammal version. / If-Match names an old version.",
		"Ändrat av någon annan", fault.ErrStale, nil, versioned},
	{413, "ContentTooLarge", "Innehållet är större än 1 MiB. / The content is larger than 1 MiB.",
		"För stort", web.ErrTooLarge, nil, hasBody},
	{415, "UnsupportedMediaType", "Innehållet är inte application/json. / The content is not application/json.",
		"Fel innehållstyp", web.ErrMediaType, nil, hasBody},
	{422, "UnprocessableContent", "Rätt form, men mot en regel. / The right form, but against a rule.",
		"Mot en regel", idempotency.ErrKeyReused, nil, changes},
	{428, "PreconditionRequired", "If-Match saknas. / If-Match is missing.",
		"Version saknas", web.ErrNoVersion, nil, versioned},
	{429, "TooManyRequests", "Gränsen är nådd; Retry-After säger när det är värt att försöka igen. / The limit is reached; Retry-After says when to try again.",
		"För många anrop", web.ErrTooMany, advised, served},
	{503, "ServiceUnavailable", "Tjänsten kan inte svara just nu. / The service cannot answer right now.",
		"Kan inte svara nu", fault.ErrUnavailable, advised, served},
	{504, "GatewayTimeout", "Tjänsten svarade inte i tid. / The service did not answer in time.",
		"Tog för lång tid", web.ErrTimeout, nil, served},
}

// otherProblem is the response default: what no status of its own tells.
var otherProblem = problem{500, "Problem", "Något annat gick fel. / Something else went wrong.",
	"Internt fel", fault.ErrInternal, nil, always}

// problem puts the component of a problem response into the document once.
func (j *join) problem(p problem) {
	all := under(get(j.root, "components"), "responses")
	if child(all, p.name) != nil {
		return
	}
	var n yaml.Node
	// The text is ours alone, so it is always YAML.
	_ = yaml.Unmarshal(fmt.Appendf(nil, problemForm, p.meaning, p.title, web.ProblemBase+p.example.Code, p.status, p.example.Text.SV, p.example.Code), &n)
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
          type: %[3]s
          title: %[2]q
          status: %[4]d
          detail: %[5]q
          instance: urn:uuid:2f1d6c1e-4a0b-4c1d-9f6e-0a7b3c5d9e11
          code: %[6]s
          traceId: 4bf92f3577b34da6a3ce929d0e0e4736
`
