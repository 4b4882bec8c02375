// Package archtest keeps the house in order. It holds no code, only tests that
// read the code of all the others: who may import whom (imports_test.go, the
// table of docs/architecture.md) and how a file may look (source_test.go).
package archtest
