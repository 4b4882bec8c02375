package templates

import "time"

func accountSamples() []sample {
	who := "alice@example.test"
	signIn := SignInGates("Demo Shop")
	change := PasswordChangePage{Frame: task("/help"), Action: "/x", Username: who, MinLength: 12, ForgotURL: "/forgot", BackURL: "/settings"}
	reset := ResetPage{Frame: task("/help"), State: LinkOpen, Action: "/x", Username: who, MinLength: 12}
	finish := SignUpFinishPage{Frame: stranger(nil), State: LinkOpen, Action: "/x", Username: who, MinLength: 12}
	verify := func(state string) VerifyEmailPage {
		return VerifyEmailPage{Frame: stranger(nil), State: state, Masked: who, Action: "/x", ResendAction: "/again", ExpiresAt: noon.Add(time.Hour), ContinueURL: "/settings"}
	}
	limited := verify(LinkSent)
	limited.Problem, limited.RetryAt = ProblemTooOften, noon.Add(10*time.Minute)
	first := change
	first.First, first.ForgotURL = true, ""
	all := []sample{
		{"password-change", change},
		{"password-change-first", first},
		{"password-change-bare", PasswordChangePage{}},
		{"forgot", ForgotPage{Frame: stranger(signIn), Action: "/x", SignInURL: "/sign-in"}},
		{"forgot-error", ForgotPage{Frame: stranger(signIn), Action: "/x", Username: "alice", Problem: ProblemNoUsername}},
		{"forgot-limited", ForgotPage{Frame: stranger(nil), Action: "/x", Username: who, Problem: ProblemTooOften, RetryAt: noon.Add(10 * time.Minute)}},
		{"forgot-sent", ForgotPage{Frame: stranger(signIn), Username: who, Sent: true, ExpiresAt: noon.Add(30 * time.Minute), SignInURL: "/sign-in"}},
		{"forgot-sent-bare", ForgotPage{Sent: true}},
		{"forgot-bare", ForgotPage{}},
		{"reset", reset},
		{"reset-bare", ResetPage{}},
		{"reset-expired", ResetPage{Frame: stranger(nil), State: LinkExpired, RequestURL: "/forgot"}},
		{"reset-used", ResetPage{Frame: stranger(nil), State: LinkUsed, RequestURL: "/forgot"}},
		{"reset-done", ResetPage{Frame: stranger(nil), State: LinkDone, SignInURL: "/sign-in", SecondStep: true}},
		{"reset-done-bare", ResetPage{State: LinkDone}},
		{"verify-email", verify(LinkRequest)},
		{"verify-email-sent", verify(LinkSent)},
		{"verify-email-limited", limited},
		{"verify-email-open", verify(LinkOpen)},
		{"verify-email-expired", verify(LinkExpired)},
		{"verify-email-used", verify(LinkUsed)},
		{"verify-email-done", verify(LinkDone)},
		{"verify-email-bare", VerifyEmailPage{}},
		{"sign-up", SignUpPage{Frame: stranger(signIn), Action: "/x", SignInURL: "/sign-in", TermsURL: "https://contractor.example.test/terms"}},
		{"sign-up-error", SignUpPage{Frame: stranger(signIn), Action: "/x", Username: "alice@", Problem: ProblemBadEmail, SignInURL: "/sign-in"}},
		{"sign-up-sent", SignUpPage{Frame: stranger(signIn), Username: who, Sent: true, ExpiresAt: noon.Add(time.Hour), SignInURL: "/sign-in"}},
		{"sign-up-bare", SignUpPage{}},
		{"sign-up-finish", finish},
		{"sign-up-finish-done", SignUpFinishPage{Frame: stranger(nil), State: LinkDone, SignInURL: "/sign-in"}},
		{"sign-up-finish-used", SignUpFinishPage{Frame: stranger(nil), State: LinkUsed, RequestURL: "/sign-up"}},
		{"sign-up-finish-expired", SignUpFinishPage{Frame: stranger(nil), State: LinkExpired, RequestURL: "/sign-up"}},
		{"sign-up-finish-bare", SignUpFinishPage{State: LinkOpen}},
		{"banner-now", BannerPage{Frame: at(signIn), Action: "/later", SetUpAction: "/set-up", SettingsURL: "/settings"}},
		{"banner-now-only", BannerPage{Frame: at(signIn), Action: "/later", SetUpAction: "/set-up"}},
	}
	for _, problem := range append([]string{ProblemNoPassword, ProblemLocked}, accountProblems...) {
		c, r, f := change, reset, finish
		c.Problem, c.RetryAt, r.Problem, f.Problem, f.Name = problem, noon.Add(time.Hour), problem, problem, "Alice"
		all = append(all, sample{"password-change-" + problem, c}, sample{"reset-" + problem, r}, sample{"sign-up-finish-" + problem, f})
	}
	return all
}
