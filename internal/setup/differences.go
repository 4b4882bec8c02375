package setup

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/identity"
)

// mostNamed is how many changes a line names.
const mostNamed = 8

// list joins names for a line, and counts those that it has no room for.
func list(names []string) string {
	if len(names) > mostNamed {
		names = append(slices.Clone(names[:mostNamed]), fmt.Sprintf("and %d more", len(names)-mostNamed))
	}
	return strings.Join(names, ", ")
}

// differences are the paths at which two values differ as JSON, such as codes.default,
// sorted; at most depth names long. What is there is not told: it may be a secret.
func differences(before, after any, depth int) []string {
	return differ("", plain(before), plain(after), depth)
}

func differ(path string, before, after any, depth int) []string {
	b, isObject := before.(map[string]any)
	a, stays := after.(map[string]any)
	switch {
	case reflect.DeepEqual(before, after):
		return nil
	case depth == 0 || !isObject || !stays:
		return []string{path}
	}
	names := maps.Clone(b)
	maps.Copy(names, a)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		all = append(all, differ(inner, b[name], a[name], depth-1)...)
	}
	return all
}

// plain is v as encoding/json sees it; nil for what is no JSON.
func plain(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var out any
	err = json.Unmarshal(data, &out)
	if err != nil {
		return nil
	}
	return out
}

// clientChanges names what changed of an app, by the names that the file has.
func clientChanges(before any, row identity.Client) []string {
	names := differences(before, row, 1)
	i := slices.Index(names, "secrets")
	if i >= 0 {
		names[i] = "client_secret"
	}
	return names
}

// tenantChanges names what changed of a tenant, by the names that the file has.
func tenantChanges(before, row identity.Tenant) []string {
	var names []string
	for _, f := range []struct {
		name          string
		before, after any
	}{
		{"name", before.Name, row.Name},
		{"brand", before.Brand, row.Brand},
		{"locale", before.Locale, row.Locale},
		{"time_zone", before.TimeZone, row.TimeZone},
		{"help_url", before.HelpURL, row.HelpURL},
		{"privacy_url", before.Privacy, row.Privacy},
		{"preset", before.Preset, row.Preset},
		{"sign_up", before.SignUp, row.SignUp},
		{"texts", before.Texts, row.Texts},
	} {
		if f.before != f.after {
			names = append(names, f.name)
		}
	}
	lines := typeChanges(before.DetailTypes, row.DetailTypes)
	if len(names) > 0 {
		lines = append([]string{"changed: " + strings.Join(names, ", ")}, lines...)
	}
	if len(lines) == 0 {
		return []string{"changed"}
	}
	return lines
}

// typeChanges names what changed of a tenant's own kinds of transactions.
func typeChanges(before, after string) []string {
	old, now := typesByName(before), typesByName(after)
	all := maps.Clone(old)
	maps.Copy(all, now)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		_, was := old[name]
		_, is := now[name]
		switch {
		case !was:
			lines = append(lines, "detail type "+name+" added")
		case !is:
			lines = append(lines, "detail type "+name+" removed")
		case !reflect.DeepEqual(old[name], now[name]):
			lines = append(lines, "detail type "+name+" changed")
		}
	}
	return lines
}

// typesByName reads what [detailTypes] wrote.
func typesByName(text string) map[string]any {
	var docs []map[string]any
	byName := map[string]any{}
	if text == "" || json.Unmarshal([]byte(text), &docs) != nil {
		return byName
	}
	for _, doc := range docs {
		name, _ := doc["name"].(string)
		byName[name] = doc
	}
	return byName
}
