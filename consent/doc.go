// Package consent decides what stands between an authorization request and its
// answer: a login, a second step, the confirmation of an action, the user's
// agreement to share data.
//
// The flow is one stored [Interaction] and one pure function, [Next], a table
// over [Facts]:
//
//	login ─► second step ─► banner ─► confirm ─► consent ─► done
//	   └───────── refuse (with the OAuth error that says why)
//
// Next runs on every visit of the dispatcher and once more before the answer,
// always over facts gathered afresh, so a stale or forged URL gains nothing
// and no step has to trust what an earlier one said. What a proof is worth is
// in acr.go; what the app asked for is a [Request].
//
// The package does no HTTP and no SQL.
package consent
