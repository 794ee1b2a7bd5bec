package style

// pending lists where a rule is not yet held, by the rule and the folder or file.
// It only shrinks; when it is empty it goes, and its use in report with it.
var pending = map[string][]string{
	"shape": {"."},
}
