package setup

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/store"
)

// Setup writes files into one database.
type Setup struct {
	Rows      *store.Store
	Factors   mfa.Store
	Ring      *seal.Ring
	Hashes    *identity.Hasher
	PublicURL *url.URL
	Now       func() time.Time
	// Author is who changes policies, for the record.
	Author string
}

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

func (s *Setup) tenant(ctx context.Context, t Tenant) ([]string, error) {
	row, changes, err := s.putTenant(ctx, t)
	if err != nil {
		return changes, err
	}
	line, err := s.putPolicy(ctx, row, t)
	if err != nil {
		return changes, fmt.Errorf("policy: %w", err)
	}
	changes = append(changes, line...)
	made, err := keys.Rotate(ctx, s.Rows, row.ID, keys.Rotation{}, s.Now())
	if err != nil {
		return changes, fmt.Errorf("keys: %w", err)
	}
	for _, c := range made {
		changes = append(changes, "signing key "+c.Alg+" is "+string(c.To))
	}
	for _, c := range t.Clients {
		line, err := s.putClient(ctx, row, c)
		if err != nil {
			return changes, fmt.Errorf("client %s: %w", c.ID, err)
		}
		changes = append(changes, line...)
	}
	for _, u := range t.Users {
		line, err := s.putUser(ctx, row, u)
		if err != nil {
			return changes, fmt.Errorf("user %s: %w", u.Username, err)
		}
		changes = append(changes, line...)
	}
	return changes, nil
}

func (s *Setup) putTenant(ctx context.Context, t Tenant) (identity.Tenant, []string, error) {
	if !slugShape.MatchString(t.Slug) {
		return identity.Tenant{}, nil, errors.New("slug must be 1 to 40 of a-z, 0-9 and -, and begin with a letter")
	}
	row, err := s.Rows.TenantBySlug(ctx, t.Slug)
	fresh := errors.Is(err, identity.ErrNotFound)
	if err != nil && !fresh {
		return row, nil, err
	}
	before := row
	s.overlayTenant(&row, t)
	if fresh {
		if row.Name == "" || t.Preset == "" && t.Policy == nil {
			return row, nil, errors.New("a new tenant needs a name and a preset (or a whole policy)")
		}
		row.ID, row.Slug, row.Status, row.CreatedAt = newID(), t.Slug, identity.TenantActive, s.Now()
		row.Issuer = s.issuer(row)
		return row, []string{"created, issuer " + row.Issuer}, s.Rows.CreateTenant(ctx, row)
	}
	if reflect.DeepEqual(before, row) {
		return row, nil, nil
	}
	changed, err := s.Rows.UpdateTenant(ctx, row)
	if err != nil || !changed {
		return row, nil, err
	}
	return row, []string{"changed"}, nil
}

func (s *Setup) overlayTenant(row *identity.Tenant, t Tenant) {
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&row.Name, t.Name}, {&row.Host, strings.ToLower(t.Host)}, {&row.Brand, t.Brand}, {&row.Locale, t.Locale},
		{&row.TimeZone, t.TimeZone}, {&row.HelpURL, t.HelpURL}, {&row.Privacy, t.Privacy}, {&row.Preset, t.Preset},
	} {
		if f.from != "" {
			*f.to = f.from
		}
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

// putPolicy saves a new version if the effective policy changes. The first
// version of a tenant is its preset with the patch over it; a later one is the
// policy in force with the patch over it.
func (s *Setup) putPolicy(ctx context.Context, t identity.Tenant, in Tenant) ([]string, error) {
	if in.Preset == "" && in.Policy == nil {
		return nil, nil
	}
	old, err := s.Rows.Policy(ctx, t.ID, 0)
	fresh := errors.Is(err, identity.ErrNotFound)
	if err != nil && !fresh {
		return nil, err
	}
	document := []byte(old.Document)
	if fresh && in.Preset != "" {
		preset, err := policy.Preset(in.Preset)
		if err != nil {
			return nil, err
		}
		document, err = json.Marshal(preset)
		if err != nil {
			return nil, err
		}
	}
	switch {
	case isWhole(in.Policy) || document == nil:
		document = in.Policy
	case in.Policy != nil:
		document, err = merge(document, in.Policy)
		if err != nil {
			return nil, err
		}
	}
	return s.savePolicy(ctx, t, in, document, old)
}

// isWhole tells a whole policy document from a patch.
func isWhole(doc json.RawMessage) bool {
	var head struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(doc, &head) == nil && head.Schema != ""
}

func (s *Setup) savePolicy(ctx context.Context, t identity.Tenant, in Tenant, document []byte, old store.PolicyVersion) ([]string, error) {
	p, err := policy.Parse(document)
	if err != nil {
		return nil, err
	}
	lacking := policy.Unsupported(p, policy.Enforced())
	if len(lacking) > 0 {
		return nil, &policy.Invalid{Findings: lacking}
	}
	if p.Hash() == old.Hash {
		return nil, nil
	}
	raise := false
	if old.Version > 0 {
		before, err := policy.Parse(old.Document)
		if err != nil {
			return nil, err
		}
		raise = policy.EpochRelevant(before, p)
	}
	var warnings []string
	_, findings := policy.Validate(p, policy.Facts{})
	for _, w := range findings {
		warnings = append(warnings, w.ID+" "+w.Path+": "+w.Message)
	}
	reason := in.Reason
	if reason == "" {
		reason = "applied from a file"
	}
	version, err := s.Rows.SavePolicy(ctx, t.ID, document, s.Author, reason, warnings, raise)
	if err != nil {
		return nil, err
	}
	lines := []string{fmt.Sprintf("policy is version %d", version)}
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
