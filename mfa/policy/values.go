package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// Seconds is a duration as the document writes it: in whole seconds.
type Seconds int

// Duration returns s as a duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// List is an ordered list without repeats. Its nil value is the empty list, also
// in JSON.
type List[T comparable] []T

// Has reports whether v is in the list.
func (l List[T]) Has(v T) bool { return slices.Contains(l, v) }

// MarshalJSON writes a nil list as [].
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// without returns a copy of l that lacks the elements for which drop is true.
func (l List[T]) without(drop func(T) bool) List[T] {
	return slices.DeleteFunc(slices.Clone(l), drop)
}

// Stages run in order; the proofs of one stage are entered on one form.
type Stages [][]Proof

// Has reports whether any stage asks for proof.
func (s Stages) Has(proof Proof) bool {
	return slices.ContainsFunc(s, func(stage []Proof) bool { return slices.Contains(stage, proof) })
}

// MarshalJSON writes nil stages as [].
func (s Stages) MarshalJSON() ([]byte, error) {
	if s == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([][]Proof(s))
}

// Ceremony is what a change to a method takes: stages, or nobody may do it.
type Ceremony struct {
	Forbidden bool
	Stages    Stages // empty when Forbidden
}

// MarshalJSON writes "forbidden" or the stages.
func (c Ceremony) MarshalJSON() ([]byte, error) {
	if c.Forbidden {
		return json.Marshal(Forbidden)
	}
	return json.Marshal(c.Stages)
}

// UnmarshalJSON reads "forbidden" or stages.
func (c *Ceremony) UnmarshalJSON(b []byte) error {
	*c = Ceremony{}
	if isString(b) {
		c.Forbidden = true // the schema allows no other word
		return nil
	}
	return json.Unmarshal(b, &c.Stages)
}

// Countries is an allow list of regions, such as "DE". Its zero value allows none.
type Countries struct {
	All  bool
	List List[string] // ISO 3166-1 alpha-2; empty when All
}

// Allows reports whether region, an upper-case ISO 3166-1 alpha-2 code, is on the
// list. The empty region, of a number that belongs to no country, is only allowed
// where all are.
func (c Countries) Allows(region string) bool { return c.All || c.List.Has(region) }

// Empty reports whether no region at all is allowed.
func (c Countries) Empty() bool { return !c.All && len(c.List) == 0 }

// MarshalJSON writes "all" or the list.
func (c Countries) MarshalJSON() ([]byte, error) {
	if c.All {
		return json.Marshal("all")
	}
	return json.Marshal(c.List)
}

// UnmarshalJSON reads "all" or a list.
func (c *Countries) UnmarshalJSON(b []byte) error {
	*c = Countries{}
	if isString(b) {
		c.All = true // the schema allows no other word
		return nil
	}
	return json.Unmarshal(b, &c.List)
}

// Value is the value of a signal: at most one of the three is set.
type Value struct {
	Text   *string
	Number *int64
	Flag   *bool
}

// MarshalJSON writes the one that is set, or null.
func (v Value) MarshalJSON() ([]byte, error) {
	switch {
	case v.Text != nil:
		return json.Marshal(v.Text)
	case v.Number != nil:
		return json.Marshal(v.Number)
	default:
		return json.Marshal(v.Flag)
	}
}

// UnmarshalJSON reads text, a whole number, true or false.
func (v *Value) UnmarshalJSON(b []byte) error {
	*v = Value{}
	switch {
	case isString(b):
		return json.Unmarshal(b, &v.Text)
	case bytes.HasPrefix(b, []byte("t")), bytes.HasPrefix(b, []byte("f")):
		return json.Unmarshal(b, &v.Flag)
	default:
		return json.Unmarshal(b, &v.Number)
	}
}

// isString reports whether the JSON value b is a string.
func isString(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte(`"`)) }
