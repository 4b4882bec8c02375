// Package policy is the policy document of one tenant: which second factors it
// offers, when they are asked for, and how its users may change them.
//
// The life of a document:
//
//	Parse         JSON to a [Policy]: schema, defaults, every validator; all mistakes at once
//	Validate      the same validators over a value, with the warnings as well
//	Unsupported   what the document asks for and the running engine does not enforce
//	Code, Action, ActionMethods, ...   what one login or one action has to do
//	EpochRelevant whether a new version voids the trusted devices of the old one
//
// A [Policy] is a value with maps and lists inside. Once parsed, nobody writes to
// it: whoever wants another policy makes another document.
//
// The package holds rules only. It reads no clock, no database and no network,
// and imports nothing of this module.
package policy
