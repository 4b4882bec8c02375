package store_test

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// foreignAccounts is the part of foreign that is about the life of accounts.
var foreignAccounts = []asked{
	{"LinkByToken", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		l, u, err := s.LinkByToken(ctx, other, p.link.TokenHash)
		if u != nil {
			return u, err
		}
		if l.ID != "" {
			return l.ID, err
		}
		return nil, err
	}, identity.ErrNotFound},
	{"VerifyEmail", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		l := p.link
		l.TenantID = other
		return nil, s.VerifyEmail(ctx, l, start)
	}, identity.ErrLinkUsed},
	{"CreateAccount", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		l := p.link
		l.TenantID = other
		return nil, s.CreateAccount(ctx, l, identity.User{ID: "u", TenantID: other, Username: "u@example.com", Status: identity.UserActive}, start)
	}, identity.ErrLinkUsed},
	{"SetPassword", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		u, err := s.SetPassword(ctx, identity.PasswordWrite{TenantID: other, UserID: storetest.AliceID, Hash: "h", Now: start})
		return u.ID, err
	}, identity.ErrCredentials},
	{"Rehash", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.Rehash(ctx, other, storetest.AliceID, "hash", "h")
	}, nil},
	{"SessionList", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.SessionList(ctx, other, storetest.AliceID, "", start))
	}, identity.ErrNotFound},
	{"EndSessionOf", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.EndSessionOf(ctx, other, storetest.AliceID, p.session.ID, start)
	}, identity.ErrNotFound},
	{"SignOutEverywhere", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.SignOutEverywhere(ctx, other, storetest.AliceID, start))
	}, identity.ErrNotFound},
	{"Activity", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.Activity(ctx, other, storetest.AliceID, identity.ActivityPage{}))
	}, nil},
	{"AgreementsOf", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.AgreementsOf(ctx, other, storetest.AliceID))
	}, nil},
	{"AppUse", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		used, err := s.AppUse(ctx, other, storetest.AliceID)
		return without(len(used), err)
	}, nil},
	{"RemoveApp", func(ctx context.Context, s *store.Store, p planted) (any, error) {
		return nil, s.RemoveApp(ctx, other, storetest.AliceID, p.grant.ClientID, start)
	}, identity.ErrNotFound},
	{"LoginCodes", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return without(s.LoginCodes(ctx, other, storetest.AliceID, start))
	}, nil},
	{"VoidDevices", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.VoidDevices(ctx, other, storetest.AliceID, start)
	}, identity.ErrNotFound},
	{"EnrolAsked", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.EnrolAsked(ctx, other, storetest.AliceID, start)
	}, nil},
	{"Recovered", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.Recovered(ctx, other, storetest.AliceID, time.Hour, start)
	}, identity.ErrNotFound},
	{"AfterChange", func(ctx context.Context, s *store.Store, _ planted) (any, error) {
		return nil, s.AfterChange(ctx, s.DB.Gorm.WithContext(ctx), mfa.Change{Subject: mfa.Subject{TenantID: other, UserID: storetest.AliceID}})
	}, mfa.ErrNotFound},
}
