package details

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// checkSchema refuses doc if it does not fit the schema of its type.
func (e *entry) checkSchema(doc map[string]any, at string) *Error {
	err := e.schema.Validate(doc)
	if err == nil {
		return nil
	}
	failure, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return refuse(FaultSchema, at, "The object does not fit the schema of its type.")
	}
	all := e.faults(failure, at)
	return slices.MinFunc(all, func(a, b *Error) int { // the engine walks maps, in any order
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Text, b.Text))
	})
}

// faults returns what lies at the ends of the tree that the schema engine
// builds. The nodes above only say that something below is wrong. There is one at
// least.
func (e *entry) faults(v *jsonschema.ValidationError, at string) []*Error {
	_, isOneOf := v.ErrorKind.(*kind.OneOf)
	if len(v.Causes) == 0 || isOneOf {
		pointer := e.shape.known(v.InstanceLocation)
		return []*Error{refuse(FaultSchema, at+pointer, "%s", e.shape.at(pointer).complaint(v.ErrorKind))}
	}
	var all []*Error
	for _, cause := range v.Causes {
		all = append(all, e.faults(cause, at)...)
	}
	return all
}

// complaint says what is wrong with a value of m, in words of the schema alone.
func (m *member) complaint(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.AdditionalProperties:
		return "The object has a member that its type does not know; it may have " + m.names() + "."
	case *kind.Required:
		return "The object lacks " + strings.Join(slices.Sorted(slices.Values(k.Missing)), ", ") + "."
	case *kind.OneOf:
		return "Send exactly one of " + strings.Join(m.oneOf, ", ") + "."
	case *kind.Type:
		if m.object {
			return "Send an object."
		}
		return "Send a text."
	case *kind.Enum, *kind.Const:
		return "Send one of " + strings.Join(m.values, ", ") + "."
	case *kind.MaxLength, *kind.MinLength:
		return m.lengths()
	case *kind.Pattern:
		return "This text does not have the form that its type asks for."
	default:
		return "This does not fit the schema of its type."
	}
}

// lengths says how long a text of m may be.
func (m *member) lengths() string {
	switch {
	case m.longest == 0:
		return fmt.Sprintf("Send at least %d characters.", m.shortest)
	case m.shortest == 0:
		return fmt.Sprintf("Send at most %d characters.", m.longest)
	case m.shortest == m.longest:
		return fmt.Sprintf("Send exactly %d characters.", m.longest)
	}
	return fmt.Sprintf("Send %d to %d characters.", m.shortest, m.longest)
}

// names lists the members that an object may have.
func (m *member) names() string {
	all := make([]string, 0, len(m.members))
	for name := range m.members {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
