// Package samples has every page of package templates in each of its states, with
// made-up people. The tests of the pages render them, and the demo shows them below
// /_pages. Nothing else may import it: what a user sees is never a sample.
package samples
