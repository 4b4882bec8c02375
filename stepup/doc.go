// Package stepup is the library of an app that trusts a Sallyport server: it
// sends the user there for a login or for the confirmation of one sensitive
// action, and checks what comes back.
//
// The life of a confirmation at an app that has a browser:
//
//	New       read the server's discovery document, once at start
//	Start     make the address to send the browser to, and a Transaction
//	          that the app keeps in its own session
//	Finish    check the answer, fetch the tokens, return a Proof
//	Refresh   renew the access token; the Proof never becomes fresher by it
//	Userinfo  read the claims of the user
//	Actions   which actions the server can be asked to have confirmed
//
// of a transaction, whose amount and payee are shown, approved and used once:
//
//	Push                send the request past the browser, with a [Detail]
//	FinishConfirmation  check that what was approved is what was pushed
//	ConsumeFor          use the approval for what is about to be executed;
//	                    only then execute
//	VerifyReceipt       check the server's signed statement, years later too
//	Status              where a confirmation stands, for who lost an answer
//
// and at an API that is called with access tokens:
//
//	NewVerifier       read the server's discovery document, once at start
//	Verifier.Require  net/http middleware: an acr no older than X, or the
//	                  challenge of RFC 9470
//	ParseChallenge    the caller's side of that challenge
//	Do, Answer        call an API, begin what it demands, and call it again
//	Verifier.Consume  use the approval up that a token was given for
//
// With [Config].DPoPKey tokens are bound to a key, and every use of one goes with a
// proof; with [VerifierConfig].PublicURL an API takes them. Source: RFC 9449.
//
// The package keeps no session and sets no cookie: both belong to the app. It
// never follows a redirect to another host, never accepts a token without a
// signature of the server's published keys, and refuses whatever it does not
// understand.
//
// The values of acr, and which of them satisfies which, are described at
// [Satisfies].
package stepup
