package details

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// member is what a schema says of one value: an object with members of its own,
// or a text.
type member struct {
	object   bool
	members  map[string]*member
	required []string
	oneOf    []string // of these members, exactly one is there
	shortest int      // minLength of a text, in characters; 0 where the schema sets none
	longest  int      // maxLength of a text, in characters; 0 where the schema sets none
	values   []string // what enum and const allow; nil for any
}

// deepestDetail bounds the levels of a transaction: of the array that an app
// sends, of the objects in it, and so of a schema.
const deepestDetail = 8

// memberName is what a member may be called. Such names need no escapes in JSON
// and JSON pointers, and can be told to anybody.
var memberName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// keywords are the words of JSON Schema that a type may use. Whether an object is
// closed and what it may hold can be read off these; a word that is not here
// could open it again from another place.
var keywords = map[bool][]string{
	true:  {"$schema", "title", "description", "type", "properties", "required", "additionalProperties", "oneOf"},
	false: {"title", "description", "type", "enum", "const", "pattern", "minLength", "maxLength"},
}

const draft = "https://json-schema.org/draft/2020-12/schema"

// shapeReader reads schemas and notes what is wrong with them.
type shapeReader struct {
	note func(at, format string, args ...any)
}

// read returns what schema, decoded JSON, says. depth counts from 1, the array.
func (r shapeReader) read(schema any, at string, depth int) *member {
	s, ok := schema.(map[string]any)
	if !ok {
		r.note(at, "This is no object; write a schema.")
		return &member{}
	}
	_, hasMembers := s["properties"]
	m := &member{object: hasMembers || s["type"] == "object", members: map[string]*member{}}
	for name := range s {
		if !slices.Contains(keywords[m.object], name) {
			r.note(at, "%q is not among the words of JSON Schema that a type may use here: %s.", name, strings.Join(keywords[m.object], ", "))
		}
	}
	if m.object {
		r.object(m, s, at, depth)
	} else {
		r.text(m, s, at)
	}
	return m
}

func (r shapeReader) object(m *member, s map[string]any, at string, depth int) {
	switch {
	case depth >= deepestDetail:
		r.note(at, "This lies too deep: a transaction has at most %d levels, the array included.", deepestDetail)
		return
	case s["type"] != "object":
		r.note(at, `Add "type": "object".`)
	}
	if s["additionalProperties"] != false {
		r.note(at, `Close the object: add "additionalProperties": false.`)
	}
	if d, ok := s["$schema"]; ok && (at != "/schema" || d != draft) {
		r.note(at, "$schema may stand at the top only, and be %s.", draft)
	}
	properties, _ := s["properties"].(map[string]any)
	for name, schema := range properties {
		if !memberName.MatchString(name) {
			r.note(at+"/properties", "%q is no name for a member; write at most 40 of a-z, 0-9 and _.", name)
			continue
		}
		m.members[name] = r.read(schema, at+"/properties/"+name, depth+1)
	}
	m.required = r.names(m, s["required"], at+"/required")
	r.alternatives(m, s, at+"/oneOf")
	if len(m.required)+len(m.oneOf) == 0 {
		r.note(at, "Require at least one member: an object without any would be approved without being shown.")
	}
}

// alternatives reads oneOf, which may only name members: [{"required": ["a"]},
// {"required": ["b"]}].
func (r shapeReader) alternatives(m *member, s map[string]any, at string) {
	v, ok := s["oneOf"]
	if !ok {
		return
	}
	list, _ := v.([]any)
	for i, entry := range list {
		at := fmt.Sprintf("%s/%d", at, i)
		e, _ := entry.(map[string]any)
		names := r.names(m, e["required"], at+"/required")
		if len(e) != 1 || len(names) != 1 {
			r.note(at, `Write {"required": ["member"]} with one member, and nothing else.`)
			continue
		}
		m.oneOf = append(m.oneOf, names...)
	}
	if len(m.oneOf) < 2 {
		r.note(at, "Name two members at least, of which exactly one is there.")
	}
}

// names reads a list of members of m.
func (r shapeReader) names(m *member, v any, at string) []string {
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		r.note(at, "This is no list; write the names of members.")
	}
	var names []string
	for _, entry := range list {
		name, ok := entry.(string)
		if !ok || m.members[name] == nil {
			r.note(at, "%v is not among the properties; correct its spelling.", entry)
			continue
		}
		names = append(names, name)
	}
	return names
}

func (r shapeReader) text(m *member, s map[string]any, at string) {
	values, isEnum := s["enum"].([]any)
	one, isConst := s["const"]
	if isConst {
		values = append(values, one)
	}
	untyped := s["type"] == nil && (isEnum || isConst)
	if s["type"] != "string" && !untyped {
		r.note(at, `Every value is a text or an object; write "type": "string", or the values of "enum".`)
	}
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			r.note(at, "Every value of enum and const is a text; %v is none.", v)
			continue
		}
		m.values = append(m.values, text)
	}
	m.shortest, m.longest = length(s["minLength"]), length(s["maxLength"])
}

// length reads a bound of a text. No text of a transaction is longer than the parameter
// that it comes in.
func length(v any) int {
	n, _ := v.(float64)
	return int(max(0, min(n, largestParam)))
}

// at returns the member to which pointer leads, or nil.
func (m *member) at(pointer string) *member {
	for _, name := range split(pointer) {
		if m != nil {
			m = m.members[name]
		}
	}
	return m
}

// known returns the part of path, from the top, that the schema knows.
func (m *member) known(path []string) string {
	pointer := ""
	for _, name := range path {
		m = m.members[name]
		if m == nil {
			break
		}
		pointer += "/" + name
	}
	return pointer
}

// leaves calls do for every text and the pointer to it.
func (m *member) leaves(pointer string, do func(pointer string)) {
	if !m.object {
		do(pointer)
		return
	}
	for name, inner := range m.members {
		inner.leaves(pointer+"/"+name, do)
	}
}

// is reports whether m is an object of exactly these members, all of them texts
// and required.
func (m *member) is(names ...string) bool {
	for _, name := range names {
		if m.members[name] == nil || m.members[name].object || !slices.Contains(m.required, name) {
			return false
		}
	}
	return m.object && len(m.members) == len(names) && len(m.oneOf) == 0
}

// split takes a JSON pointer apart. Names of members need no escapes.
func split(pointer string) []string {
	if pointer == "" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(pointer, "/"), "/")
}
