package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// Bounds of a document. The largest sensible policy is a tenth of them.
const (
	maxBytes = 256 << 10
	maxDepth = 16
)

// wholeNumber keeps out fractions, exponents and anything past 64 bits. The
// schema engine would turn 1e999999999 into a number of that many digits.
var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)

// decode reads doc as one JSON value and reports what JSON itself leaves open:
// names that stand twice, numbers that are not whole, bytes that are not UTF-8.
// The value is nil when doc is not JSON at all.
func decode(doc []byte) (any, []Finding) {
	if len(doc) > maxBytes {
		return nil, found("", "The document has %d bytes; make it at most %d.", len(doc), maxBytes)
	}
	if !utf8.Valid(doc) {
		return nil, found("", "The document is not UTF-8 text; save it as UTF-8.")
	}
	var whole json.RawMessage
	err := json.Unmarshal(doc, &whole)
	if err != nil {
		return nil, found("", "The document is not JSON: %s; correct it%s.", err, place(doc, err))
	}
	r := reader{tokens: json.NewDecoder(bytes.NewReader(doc))}
	r.tokens.UseNumber()
	v := r.value("", 0)
	if r.tooDeep {
		return nil, r.findings
	}
	return v, r.findings
}

// place says in which line and column of doc the syntax error err lies.
func place(doc []byte, err error) string {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok || syntax.Offset > int64(len(doc)) {
		return ""
	}
	before := doc[:syntax.Offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - (1 + bytes.LastIndexByte(before, '\n'))
	return fmt.Sprintf(" at line %d, column %d", line, column)
}

// reader turns tokens into values and collects what is wrong on the way. The
// document was found to be JSON before, so a token never fails.
type reader struct {
	tokens   *json.Decoder
	findings []Finding
	tooDeep  bool
}

func (r *reader) value(path string, depth int) any {
	token, err := r.tokens.Token()
	if err != nil || r.tooDeep {
		return nil
	}
	if depth > maxDepth {
		r.tooDeep = true
		r.findings = append(r.findings, found(path, "It lies more than %d levels deep; no field does, so remove it.", maxDepth)...)
		return nil
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(path, depth)
		}
		return r.array(path, depth)
	case json.Number:
		if !wholeNumber.MatchString(t.String()) {
			r.findings = append(r.findings, found(path, "It is %s; write a whole number without fraction and exponent.", clip(t.String()))...)
			return json.Number("0")
		}
		return t
	default:
		return t
	}
}

func (r *reader) object(path string, depth int) any {
	object := map[string]any{}
	for r.tokens.More() && !r.tooDeep {
		token, err := r.tokens.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return object
		}
		at := join(path, name)
		v := r.value(at, depth+1)
		_, twice := object[name]
		if twice {
			r.findings = append(r.findings, found(at, "It stands here twice; keep one of them.")...)
			continue
		}
		object[name] = v
	}
	_, _ = r.tokens.Token() // the closing brace, known to be there
	return object
}

func (r *reader) array(path string, depth int) any {
	array := []any{}
	for r.tokens.More() && !r.tooDeep {
		array = append(array, r.value(join(path, strconv.Itoa(len(array))), depth+1))
	}
	_, _ = r.tokens.Token() // the closing bracket, known to be there
	return array
}

// plainName is a name that can stand in a path as it is.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// join appends name to a path: codes.default.ttl_s, actions.bid.place.stages[0].
func join(path, name string) string {
	_, err := strconv.Atoi(name)
	switch {
	case err == nil && path != "":
		return path + "[" + name + "]"
	case !plainName.MatchString(name):
		name = strconv.Quote(clip(name))
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// clip shortens text that somebody else wrote before it is shown.
func clip(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}
