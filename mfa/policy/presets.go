package policy

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed presets/*.json
var presetFiles embed.FS

// Presets returns the names of the policies that come with the product, sorted.
func Presets() []string {
	entries, err := presetFiles.ReadDir("presets")
	if err != nil {
		return nil // the directory is part of the binary
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(names)
	return names
}

// Preset returns the policy called name, in memory of its own.
//
// It fails if there is none of that name. That a preset is valid is tested.
func Preset(name string) (Policy, error) {
	if !slices.Contains(Presets(), name) {
		return Policy{}, fmt.Errorf("policy: there is no preset %q; there are %s", name, strings.Join(Presets(), ", "))
	}
	doc, err := presetFiles.ReadFile("presets/" + name + ".json")
	if err != nil {
		return Policy{}, fmt.Errorf("policy: preset %s: %w", name, err)
	}
	p, err := Parse(doc)
	if err != nil {
		return Policy{}, fmt.Errorf("policy: preset %s: %w", name, err)
	}
	return p, nil
}
