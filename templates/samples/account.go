package samples

import (
	"time"

	"github.com/sallyport-id/sallyport/templates"
)

func accountSamples() []Sample {
	who := "alice@example.test"
	signIn := templates.SignInGates("Demo Shop")
	change := templates.PasswordChangePage{Frame: task("/help"), Action: "/x", Username: who, MinLength: 12, ForgotURL: "/forgot", BackURL: "/settings"}
	reset := templates.ResetPage{Frame: task("/help"), State: templates.LinkOpen, Action: "/x", Username: who, MinLength: 12}
	finish := templates.SignUpFinishPage{Frame: stranger(nil), State: templates.LinkOpen, Action: "/x", Username: who, MinLength: 12}
	verify := func(state string) templates.VerifyEmailPage {
		return templates.VerifyEmailPage{Frame: stranger(nil), State: state, Masked: who, Action: "/x", ResendAction: "/again", ExpiresAt: noon.Add(time.Hour), ContinueURL: "/settings"}
	}
	limited := verify(templates.LinkSent)
	limited.Problem, limited.RetryAt = templates.ProblemTooOften, noon.Add(10*time.Minute)
	first := change
	first.First, first.ForgotURL = true, ""
	all := []Sample{
		{"password-change", change},
		{"password-change-first", first},
		{"password-change-bare", templates.PasswordChangePage{}},
		{"forgot", templates.ForgotPage{Frame: stranger(signIn), Action: "/x", SignInURL: "/sign-in"}},
		{"forgot-error", templates.ForgotPage{Frame: stranger(signIn), Action: "/x", Username: "alice", Problem: templates.ProblemNoUsername}},
		{"forgot-limited", templates.ForgotPage{Frame: stranger(nil), Action: "/x", Username: who, Problem: templates.ProblemTooOften, RetryAt: noon.Add(10 * time.Minute)}},
		{"forgot-sent", templates.ForgotPage{Frame: stranger(signIn), Username: who, Sent: true, ExpiresAt: noon.Add(30 * time.Minute), SignInURL: "/sign-in"}},
		{"forgot-sent-bare", templates.ForgotPage{Sent: true}},
		{"forgot-bare", templates.ForgotPage{}},
		{"reset", reset},
		{"reset-bare", templates.ResetPage{}},
		{"reset-expired", templates.ResetPage{Frame: stranger(nil), State: templates.LinkExpired, RequestURL: "/forgot"}},
		{"reset-used", templates.ResetPage{Frame: stranger(nil), State: templates.LinkUsed, RequestURL: "/forgot"}},
		{"reset-done", templates.ResetPage{Frame: stranger(nil), State: templates.LinkDone, SignInURL: "/sign-in", SecondStep: true}},
		{"reset-done-bare", templates.ResetPage{State: templates.LinkDone}},
		{"verify-email", verify(templates.LinkRequest)},
		{"verify-email-sent", verify(templates.LinkSent)},
		{"verify-email-limited", limited},
		{"verify-email-open", verify(templates.LinkOpen)},
		{"verify-email-expired", verify(templates.LinkExpired)},
		{"verify-email-used", verify(templates.LinkUsed)},
		{"verify-email-done", verify(templates.LinkDone)},
		{"verify-email-bare", templates.VerifyEmailPage{}},
		{"sign-up", templates.SignUpPage{Frame: stranger(signIn), Action: "/x", SignInURL: "/sign-in", TermsURL: "https://contractor.example.test/terms"}},
		{"sign-up-error", templates.SignUpPage{Frame: stranger(signIn), Action: "/x", Username: "alice@", Problem: templates.ProblemBadEmail, SignInURL: "/sign-in"}},
		{"sign-up-sent", templates.SignUpPage{Frame: stranger(signIn), Username: who, Sent: true, ExpiresAt: noon.Add(time.Hour), SignInURL: "/sign-in"}},
		{"sign-up-bare", templates.SignUpPage{}},
		{"sign-up-finish", finish},
		{"sign-up-finish-done", templates.SignUpFinishPage{Frame: stranger(nil), State: templates.LinkDone, SignInURL: "/sign-in"}},
		{"sign-up-finish-used", templates.SignUpFinishPage{Frame: stranger(nil), State: templates.LinkUsed, RequestURL: "/sign-up"}},
		{"sign-up-finish-expired", templates.SignUpFinishPage{Frame: stranger(nil), State: templates.LinkExpired, RequestURL: "/sign-up"}},
		{"sign-up-finish-bare", templates.SignUpFinishPage{State: templates.LinkOpen}},
		{"banner-now", templates.BannerPage{Frame: at(signIn), Action: "/later", SetUpAction: "/set-up", SettingsURL: "/settings"}},
		{"banner-now-only", templates.BannerPage{Frame: at(signIn), Action: "/later", SetUpAction: "/set-up"}},
	}
	for _, problem := range append([]string{templates.ProblemNoPassword, templates.ProblemLocked}, accountProblems()...) {
		c, r, f := change, reset, finish
		c.Problem, c.RetryAt, r.Problem, f.Problem, f.Name = problem, noon.Add(time.Hour), problem, problem, "Alice"
		all = append(all, Sample{"password-change-" + problem, c}, Sample{"reset-" + problem, r}, Sample{"sign-up-finish-" + problem, f})
	}
	return all
}
