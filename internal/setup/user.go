package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/pin"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// putUser writes one account. What can be refused is, before anything is written.
func (s *Setup) putUser(ctx context.Context, t identity.Tenant, rules policy.Policy, in User) ([]string, error) {
	name := identity.Username(in.Username)
	number, err := checkUser(name, in)
	if err != nil {
		return nil, err
	}
	row, err := s.Rows.UserByName(ctx, t.ID, name)
	fresh := errors.Is(err, identity.ErrNotFound)
	if err != nil && !fresh {
		return nil, err
	}
	if fresh {
		row = identity.User{
			ID: newID(), TenantID: t.ID, Username: name, Status: identity.UserActive, CreatedAt: s.Now(),
			Profile: identity.Profile{Email: name, EmailVerified: true},
		}
	}
	err = s.overlayUser(ctx, &row, in)
	if err != nil {
		return nil, err
	}
	changed, err := s.Rows.PutUser(ctx, row)
	if err != nil {
		return nil, err
	}
	more, err := s.putEnrolments(ctx, row, rules, in, number)
	switch {
	case err != nil:
		return nil, err
	case fresh:
		return []string{"user " + mask(name) + " created, sub " + row.ID}, nil
	case changed || more:
		return []string{"user " + mask(name) + " changed, sub " + row.ID}, nil
	}
	return nil, nil
}

// checkUser refuses what no account can be, and reads the phone; its zero value is
// none.
func checkUser(name string, in User) (phone.Number, error) {
	address, err := mail.ParseAddress(name)
	if err != nil || address.Address != name {
		return phone.Number{}, errors.New("username must be an email address")
	}
	for _, f := range []struct {
		name, value string
		allowed     []string
	}{
		{"email_status", in.EmailStatus, []string{"confirmed", "unverified"}},
		{"phone_status", in.PhoneStatus, []string{"confirmed", "unverified"}},
		{"phone_source", in.PhoneSource, []string{"self", "legacy", "admin", "import"}},
	} {
		if f.value != "" && !slices.Contains(f.allowed, f.value) {
			return phone.Number{}, fmt.Errorf("%s: %q is not one of %s", f.name, f.value, strings.Join(f.allowed, ", "))
		}
	}
	for _, kind := range in.Factors {
		if kind != "email" && kind != "sms" && kind != "voice" {
			return phone.Number{}, fmt.Errorf("factors: %q is not one of email, sms, voice; the others are set up by the user", kind)
		}
	}
	if len(in.Password) > identity.MaxPassword {
		return phone.Number{}, fmt.Errorf("password has more than %d bytes", identity.MaxPassword)
	}
	if in.PasswordHash != "" {
		err = identity.CheckHash(in.PasswordHash)
		if err != nil {
			return phone.Number{}, fmt.Errorf("password_hash: %w", err)
		}
	}
	if in.Phone == "" {
		return phone.Number{}, nil
	}
	return phone.Parse(in.Phone, "")
}

func (s *Setup) overlayUser(ctx context.Context, row *identity.User, in User) error {
	if in.MFAEnabled != nil {
		row.MFAEnabled = *in.MFAEnabled
	}
	if in.Admin != nil {
		row.Admin = *in.Admin
	}
	if in.Disabled != nil {
		row.Status = identity.UserActive
		if *in.Disabled {
			row.Status = identity.UserDisabled
		}
	}
	if in.Flags != nil {
		row.Flags = s.flags(row.Flags, *in.Flags)
	}
	verified := row.Profile.EmailVerified
	if in.EmailStatus != "" {
		verified = in.EmailStatus == string(mfa.ContactConfirmed)
	}
	err := overlayProfile(&row.Profile, in.Profile)
	if err != nil {
		return err
	}
	// These speak of the registered address, whatever the file says.
	row.Profile.Email, row.Profile.EmailVerified = row.Username, verified
	return s.overlayPassword(ctx, row, in)
}

// flags are names, each since it was set.
func (s *Setup) flags(had map[string]time.Time, names []string) map[string]time.Time {
	var set map[string]time.Time
	for _, name := range names {
		if set == nil {
			set = map[string]time.Time{}
		}
		set[name] = s.Now()
		if since, ok := had[name]; ok {
			set[name] = since
		}
	}
	return set
}

// overlayProfile lays the claims that are mentioned over p.
func overlayProfile(p, mentioned *identity.Profile) error {
	if mentioned == nil {
		return nil
	}
	data, err := json.Marshal(mentioned)
	if err != nil {
		return err
	}
	err = json.Unmarshal(data, p)
	if mentioned.PhoneNumber != "" {
		p.PhoneNumberVerified = mentioned.PhoneNumberVerified
	}
	return err
}

// overlayPassword leaves the hash alone when it already is of that password.
func (s *Setup) overlayPassword(ctx context.Context, row *identity.User, in User) error {
	if in.PasswordHash != "" {
		row.PasswordHash = in.PasswordHash
	}
	if in.Password == "" {
		return nil
	}
	same, err := s.Hashes.Verify(ctx, row.PasswordHash, in.Password)
	if err != nil || same {
		return err
	}
	row.PasswordHash, err = s.Hashes.Hash(ctx, in.Password)
	return err
}

// putEnrolments writes the registered address, the phone and the factors. A
// contact or factor that changes voids the trusted devices of the account.
func (s *Setup) putEnrolments(ctx context.Context, u identity.User, rules policy.Policy, in User, number phone.Number) (changed bool, err error) {
	who := u.Subject()
	have, err := s.Factors.Enrolments(ctx, who)
	if err != nil {
		return false, err
	}
	contacts := map[string]mfa.Contact{"email": s.email(have, u, in)}
	if number.E164 != "" {
		c := s.phone(have, who, in, number)
		// A number that is given by an admin keeps to the same rule as any other.
		c.Unique = c.Status == mfa.ContactConfirmed && rules.Contacts.Phone.Unique == policy.UniqueConfirmedInTenant
		contacts["sms"], contacts["voice"] = c, c
	}
	for kind, c := range contacts {
		if kind == "voice" {
			continue // the same contact as sms
		}
		put, err := s.putContact(ctx, have, c)
		if err != nil {
			return changed, err
		}
		changed = changed || put
	}
	added, err := s.putFactors(ctx, who, have, in.Factors, contacts)
	if err == nil && in.PIN != "" {
		var fresh bool
		fresh, err = s.putPIN(ctx, who, have, rules, in.PIN)
		added = added || fresh
	}
	if err == nil && (added || changed) && len(have.Contacts) > 0 {
		err = s.Rows.BumpMFAEpoch(ctx, u.TenantID, u.ID)
	}
	return changed || added, err
}

// email is the registered address of u as in would have it.
func (s *Setup) email(have mfa.Enrolments, u identity.User, in User) mfa.Contact {
	c := s.held(have, mfa.Contact{
		ID: contactID(u.Subject(), "email", u.Username), Subject: u.Subject(), Kind: mfa.ContactEmail, Value: mfa.Secret(u.Username),
		Status: mfa.ContactConfirmed, Source: mfa.SourceAdmin, Registered: true,
	})
	c.Masked = mask(u.Username)
	return s.with(c, in.EmailStatus, "")
}

// phone is the telephone of who as in would have it.
func (s *Setup) phone(have mfa.Enrolments, who mfa.Subject, in User, n phone.Number) mfa.Contact {
	c := s.held(have, mfa.Contact{
		ID: contactID(who, "phone", n.E164), Subject: who, Kind: mfa.ContactPhone, Value: mfa.Secret(n.E164),
		Status: mfa.ContactUnverified, Source: mfa.SourceAdmin,
	})
	c.Masked, c.Country, c.LineType = n.Masked, n.Region, n.Line
	return s.with(c, in.PhoneStatus, in.PhoneSource)
}

// held is the contact that there is already in place of fresh, or fresh.
func (s *Setup) held(have mfa.Enrolments, fresh mfa.Contact) mfa.Contact {
	i := slices.IndexFunc(have.Contacts, func(o mfa.Contact) bool { return o.ID == fresh.ID })
	if i >= 0 {
		return have.Contacts[i]
	}
	fresh.CreatedAt = s.heldSince()
	return fresh
}

// with is c with what the file mentions.
func (s *Setup) with(c mfa.Contact, status, source string) mfa.Contact {
	if status != "" {
		c.Status = mfa.ContactStatus(status)
	}
	if source != "" {
		c.Source = mfa.ContactSource(source)
	}
	if c.Status == mfa.ContactConfirmed && c.ConfirmedAt.IsZero() {
		c.ConfirmedAt = s.heldSince()
	}
	return c
}

func (s *Setup) putContact(ctx context.Context, have mfa.Enrolments, c mfa.Contact) (bool, error) {
	if slices.Contains(have.Contacts, c) {
		return false, nil
	}
	return true, s.Factors.AddContact(ctx, c)
}

func (s *Setup) putFactors(ctx context.Context, who mfa.Subject, have mfa.Enrolments, kinds []string, contacts map[string]mfa.Contact) (changed bool, err error) {
	for _, kind := range kinds {
		contact := contacts[kind].ID
		if contact == "" {
			contact = onlyPhone(have)
		}
		if contact == "" {
			return changed, fmt.Errorf("factors: %s needs a phone", kind)
		}
		held := slices.ContainsFunc(have.Factors, func(f mfa.Factor) bool {
			return f.Kind == mfa.Method(kind) && f.ContactID == contact && f.Status == mfa.FactorActive
		})
		if held {
			continue
		}
		err = s.Factors.AddFactor(ctx, mfa.Factor{
			ID: newID(), Subject: who, Kind: mfa.Method(kind), ContactID: contact, Status: mfa.FactorActive, CreatedAt: s.heldSince(),
		})
		if err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// putPIN gives the user a PIN, unless it is that already.
func (s *Setup) putPIN(ctx context.Context, who mfa.Subject, have mfa.Enrolments, rules policy.Policy, typed string) (bool, error) {
	chosen, ok := pin.Parse(typed, rules.Codes.PIN.Min, rules.Codes.PIN.Max)
	if !ok {
		return false, fmt.Errorf("pin must have %d to %d digits", rules.Codes.PIN.Min, rules.Codes.PIN.Max)
	}
	keyed := s.Peppers.KeyedSecret(mfa.LabelPIN, who.TenantID, who.UserID, mfa.Secret(chosen)).Reveal()
	if have.HasPIN() {
		same := false
		err := s.Factors.UpdatePIN(ctx, who, func(p *mfa.PIN) error {
			var err error
			same, err = s.Hashes.Verify(ctx, p.Hash, keyed)
			return err
		})
		if err != nil || same {
			return false, err
		}
	}
	hash, err := s.Hashes.Hash(ctx, keyed)
	if err != nil {
		return false, err
	}
	effect := mfa.Effect{PIN: hash, Activate: []mfa.Factor{{
		ID: newID(), Subject: who, Kind: policy.PIN, Status: mfa.FactorActive, CreatedAt: s.heldSince(),
	}}}
	for _, f := range have.Factors {
		if f.Kind == policy.PIN && f.Status == mfa.FactorActive {
			effect.Disable = append(effect.Disable, f.ID)
		}
	}
	id := newID()
	err = s.Factors.CreateOperation(ctx, mfa.Operation{
		ID: id, Subject: who, Kind: policy.PIN, Verb: mfa.VerbEnable, Status: mfa.OperationOpen, CreatedAt: s.Now(), ExpiresAt: s.Now(),
	})
	if err != nil {
		return false, err
	}
	_, err = s.Factors.Advance(ctx, who, id, func(o *mfa.Operation, _ mfa.Enrolments) (mfa.Effect, error) {
		o.Status = mfa.OperationDone
		return effect, nil
	})
	return true, err
}

// onlyPhone is the phone that a file means without mentioning it: the one that
// the account has.
func onlyPhone(have mfa.Enrolments) string {
	id := ""
	for _, c := range have.Contacts {
		if c.Kind != mfa.ContactPhone {
			continue
		}
		if id != "" {
			return ""
		}
		id = c.ID
	}
	return id
}

// contactID is the same each time for the same thing of the same user, so that
// applying a file again finds what it made before.
func contactID(who mfa.Subject, kind, value string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"contact/1", who.TenantID, who.UserID, kind, value}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// mask shows the first letter of an address and its domain.
func mask(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return "•••"
	}
	return string([]rune(local)[:1]) + "•••@" + domain
}
