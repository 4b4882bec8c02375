package setup

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/message"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/templates"
)

// Setup writes files into one database.
type Setup struct {
	Rows      *store.Store
	Factors   mfa.Store
	Ring      *seal.Ring
	Peppers   mfa.Peppers // of PINs
	Hashes    *identity.Hasher
	PublicURL *url.URL
	Now       func() time.Time
	// Author is who changes policies, for the record.
	Author string
	// Age is how long ago the contacts, factors and PINs that are written count as
	// made and confirmed; 0 is now. What a user has held for less than a policy's
	// hold does not count for its actions, so the people of a demo or a test, who
	// are to look settled, need an age. A file of an operator never has one.
	Age time.Duration
}

// heldSince is the time at which what a user has now counts as made.
func (s *Setup) heldSince() time.Time { return s.Now().Add(-s.Age) }

// Apply writes f and returns a line for each change, none where everything was
// so already. It stops at the first mistake and names where it is; what came
// before it is written.
func (s *Setup) Apply(ctx context.Context, f File) ([]string, error) {
	var changes []string
	for _, t := range f.Tenants {
		lines, err := s.tenant(ctx, t)
		for _, line := range lines {
			changes = append(changes, t.Slug+": "+line)
		}
		if err != nil {
			return changes, fmt.Errorf("tenant %s: %w", t.Slug, err)
		}
	}
	return changes, nil
}

// tenant writes one tenant. What can be refused about the tenant itself and its
// policy is, before anything is written: a slug is never given twice.
func (s *Setup) tenant(ctx context.Context, t Tenant) ([]string, error) {
	notes, err := checkTexts(t.Texts)
	if err != nil {
		return nil, err
	}
	before, row, err := s.planTenant(ctx, t)
	if err != nil {
		return nil, err
	}
	types, err := identity.ParseDetails(row.DetailTypes)
	if err != nil {
		return nil, fmt.Errorf("detail_types: %w", err)
	}
	next, err := s.planPolicy(ctx, row, t)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	doubts, err := s.doubts(ctx, before, row, types, next)
	if err != nil {
		return nil, err
	}
	changes, err := s.putTenant(ctx, before, row)
	if err != nil {
		return changes, err
	}
	if row.Texts != before.Texts {
		changes = append(changes, notes...)
	}
	line, err := s.putPolicy(ctx, row, t, next)
	if err != nil {
		return changes, fmt.Errorf("policy: %w", err)
	}
	changes = append(changes, line...)
	if len(line) > 0 || row.DetailTypes != before.DetailTypes {
		changes = append(changes, doubts...)
	}
	made, err := keys.Rotate(ctx, s.Rows, row.ID, keys.Rotation{}, s.Now())
	if err != nil {
		return changes, fmt.Errorf("keys: %w", err)
	}
	for _, c := range made {
		changes = append(changes, "signing key "+c.Alg+" is "+string(c.To))
	}
	line, err = s.inhabitants(ctx, row, t)
	return append(changes, line...), err
}

// inhabitants writes the apps and the accounts of a tenant.
func (s *Setup) inhabitants(ctx context.Context, row identity.Tenant, t Tenant) ([]string, error) {
	rules, err := s.rules(ctx, row)
	if err != nil {
		return nil, err
	}
	var changes []string
	for _, c := range t.Clients {
		line, err := s.putClient(ctx, row, rules, c)
		if err != nil {
			return changes, fmt.Errorf("client %s: %w", c.ID, err)
		}
		changes = append(changes, line...)
	}
	for _, u := range t.Users {
		line, err := s.putUser(ctx, row, rules, u)
		if err != nil {
			return changes, fmt.Errorf("user %s: %w", u.Username, err)
		}
		changes = append(changes, line...)
	}
	return changes, nil
}

// planTenant is the tenant as it is (its zero value when there is none) and as t
// would have it.
func (s *Setup) planTenant(ctx context.Context, t Tenant) (before, row identity.Tenant, err error) {
	if !slugShape.MatchString(t.Slug) {
		return before, row, errors.New("slug must be 1 to 40 of a-z, 0-9 and -, and begin with a letter")
	}
	before, err = s.Rows.TenantBySlug(ctx, t.Slug)
	fresh := errors.Is(err, identity.ErrNotFound)
	if err != nil && !fresh {
		return before, row, err
	}
	row = before
	s.overlayTenant(&row, t)
	if fresh {
		if row.Name == "" || t.Preset == "" && t.Policy == nil {
			return before, row, errors.New("a new tenant needs a name and a preset (or a whole policy)")
		}
		row.ID, row.Slug, row.Status, row.CreatedAt = newID(), t.Slug, identity.TenantActive, s.Now()
		row.Issuer = s.issuer(row)
	}
	return before, row, checkTenant(before, row)
}

// detailTypes is what is kept of a tenant's own kinds of transactions, "" for none.
func detailTypes(docs []json.RawMessage) string {
	if len(docs) == 0 {
		return ""
	}
	text, err := json.Marshal(docs)
	if err != nil {
		return "" // they were read from JSON
	}
	return string(text)
}

// checkTexts refuses words of a tenant that no code could be sent in, all at once, and
// tells what the others cost.
func checkTexts(own message.Overrides) (notes []string, err error) {
	if len(own) == 0 {
		return nil, nil
	}
	set, err := templates.New()
	if err != nil {
		return nil, err
	}
	return own.Validate(set.Languages())
}

var (
	hostShape  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	brandShape = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// checkTenant refuses what could not work. The host is part of the issuer, which
// is decided once; the preset is what the policy began as, which is history.
func checkTenant(before, row identity.Tenant) error {
	known := before.ID != ""
	_, zone := time.LoadLocation(row.TimeZone)
	switch {
	case known && row.Host != before.Host:
		return errors.New("host is part of the issuer and cannot change after the tenant is made")
	case row.Host != "" && !hostShape.MatchString(row.Host):
		return fmt.Errorf("host: %q is not a host name without a port", row.Host)
	case known && before.Preset != "" && row.Preset != before.Preset:
		return fmt.Errorf("the policy began as preset %s, and another preset would not change it; write what is to change under policy", before.Preset)
	case row.Brand != "" && !brandShape.MatchString(row.Brand):
		return fmt.Errorf("brand: %q is not a colour such as #0b5563", row.Brand)
	case zone != nil || row.TimeZone == "Local":
		return fmt.Errorf("time_zone: %q is not an IANA name such as Europe/Berlin", row.TimeZone)
	}
	return nil
}

func (s *Setup) putTenant(ctx context.Context, before, row identity.Tenant) ([]string, error) {
	if before.ID == "" {
		err := s.Rows.CreateTenant(ctx, row)
		if err != nil {
			return nil, err
		}
		return []string{"created, issuer " + row.Issuer}, nil
	}
	changed, err := s.Rows.UpdateTenant(ctx, row)
	if err != nil || !changed {
		return nil, err
	}
	return tenantChanges(before, row), nil
}

func (s *Setup) overlayTenant(row *identity.Tenant, t Tenant) {
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&row.Name, t.Name},
		{&row.Host, strings.ToLower(t.Host)},
		{&row.Brand, t.Brand},
		{&row.Locale, t.Locale},
		{&row.TimeZone, t.TimeZone},
		{&row.HelpURL, t.HelpURL},
		{&row.Privacy, t.Privacy},
		{&row.Preset, t.Preset},
	} {
		if f.from != "" {
			*f.to = f.from
		}
	}
	if t.SignUp != nil {
		row.SignUp = *t.SignUp
	}
	if t.Texts != nil {
		row.Texts = t.Texts.Text()
	}
	if t.DetailTypes != nil {
		row.DetailTypes = detailTypes(t.DetailTypes)
	}
	if row.Locale == "" {
		row.Locale = "en"
	}
	if row.TimeZone == "" {
		row.TimeZone = "UTC"
	}
}

// issuer is decided once, when the tenant is made, and stored.
func (s *Setup) issuer(t identity.Tenant) string {
	u := *s.PublicURL
	if t.Host != "" {
		u.Host, u.Path = t.Host, ""
		if port := s.PublicURL.Port(); port != "" {
			u.Host += ":" + port
		}
		return strings.TrimSuffix(u.String(), "/")
	}
	return strings.TrimSuffix(u.String(), "/") + "/t/" + t.Slug
}

// plannedPolicy is a policy that may be put in force, and the one that is.
type plannedPolicy struct {
	document []byte
	policy   policy.Policy
	old      store.PolicyVersion
}

// planPolicy is nil where in says nothing about the policy. The first version of
// a tenant is its preset with the patch over it; a later one is the policy in
// force with the patch over it.
func (s *Setup) planPolicy(ctx context.Context, t identity.Tenant, in Tenant) (*plannedPolicy, error) {
	var preset policy.Policy
	var err error
	if in.Preset != "" {
		preset, err = policy.Preset(in.Preset)
		if err != nil {
			return nil, err
		}
	}
	if in.Preset == "" && in.Policy == nil {
		return nil, nil
	}
	next := &plannedPolicy{}
	next.old, err = s.Rows.Policy(ctx, t.ID, 0)
	fresh := errors.Is(err, identity.ErrNotFound)
	if err != nil && !fresh {
		return nil, err
	}
	next.document = next.old.Document
	if fresh && in.Preset != "" {
		next.document, err = json.Marshal(preset)
		if err != nil {
			return nil, err
		}
	}
	switch {
	case isWhole(in.Policy) || next.document == nil:
		next.document = in.Policy
	case in.Policy != nil:
		next.document, err = merge(next.document, in.Policy)
		if err != nil {
			return nil, err
		}
	}
	next.policy, err = policy.Parse(next.document)
	if err != nil {
		return nil, err
	}
	lacking := policy.Unsupported(next.policy, policy.Enforced())
	if len(lacking) > 0 {
		return nil, &policy.Invalid{Findings: lacking}
	}
	return next, nil
}

// rules is the policy in force.
func (s *Setup) rules(ctx context.Context, t identity.Tenant) (policy.Policy, error) {
	row, err := s.Rows.Policy(ctx, t.ID, 0)
	if err != nil {
		return policy.Policy{}, fmt.Errorf("policy: %w", err)
	}
	return policy.Parse(row.Document)
}

// isWhole tells a whole policy document from a patch.
func isWhole(doc json.RawMessage) bool {
	var head struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(doc, &head) == nil && head.Schema != ""
}

// putPolicy saves a new version if the effective policy changes.
func (s *Setup) putPolicy(ctx context.Context, t identity.Tenant, in Tenant, next *plannedPolicy) ([]string, error) {
	if next == nil || next.policy.Hash() == next.old.Hash {
		return nil, nil
	}
	raise, what := false, ""
	if next.old.Version > 0 {
		before, err := policy.Parse(next.old.Document)
		if err != nil {
			return nil, err
		}
		raise = policy.EpochRelevant(before, next.policy)
		what = ", changed: " + list(differences(before, next.policy, 3))
	}
	var warnings []string
	_, findings := policy.Validate(next.policy, policy.Facts{})
	for _, w := range findings {
		warnings = append(warnings, w.ID+" "+w.Path+": "+w.Message)
	}
	reason := in.Reason
	if reason == "" {
		reason = "applied from a file"
	}
	version, err := s.Rows.SavePolicy(ctx, t.ID, next.document, s.Author, reason, warnings, raise)
	if err != nil {
		return nil, err
	}
	lines := []string{fmt.Sprintf("policy is version %d%s", version, what)}
	for _, w := range warnings {
		lines = append(lines, "policy warning "+w)
	}
	return lines, nil
}

// newID makes an identifier. Nothing relies on it being secret.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return rand.Text()
	}
	return id.String()
}

// newSecret makes a client secret of 256 bits.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
