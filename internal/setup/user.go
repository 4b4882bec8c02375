package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
)

func (s *Setup) putUser(ctx context.Context, t identity.Tenant, in User) ([]string, error) {
	name := identity.Username(in.Username)
	address, err := mail.ParseAddress(name)
	if err != nil || address.Address != name {
		return nil, errors.New("username must be an email address")
	}
	row, err := s.Rows.UserByName(ctx, t.ID, name)
	fresh := errors.Is(err, identity.ErrNotFound)
	if err != nil && !fresh {
		return nil, err
	}
	if fresh {
		row = identity.User{ID: newID(), TenantID: t.ID, Username: name, Status: identity.UserActive, CreatedAt: s.Now()}
	}
	err = s.overlayUser(ctx, &row, in)
	if err != nil {
		return nil, err
	}
	row.UpdatedAt = s.Now()
	changed, err := s.Rows.PutUser(ctx, row)
	if err != nil {
		return nil, err
	}
	contacts, err := s.putContacts(ctx, row, in, fresh)
	if err != nil {
		return nil, err
	}
	switch {
	case fresh:
		return []string{"user " + mask(name) + " created"}, nil
	case changed || contacts:
		return []string{"user " + mask(name) + " changed"}, nil
	}
	return nil, nil
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
	if in.Profile != nil {
		row.Profile = *in.Profile
	}
	row.Profile.Email = row.Username
	row.Profile.EmailVerified = in.EmailStatus != string(mfa.ContactUnverified)
	return s.overlayPassword(ctx, row, in)
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

// putContacts writes the registered address, the phone and the factors.
func (s *Setup) putContacts(ctx context.Context, u identity.User, in User, fresh bool) (changed bool, err error) {
	who := u.Subject()
	have, err := s.Factors.Enrolments(ctx, who)
	if err != nil {
		return false, err
	}
	email := mfa.Contact{
		ID: contactID(who, "email", u.Username), Subject: who, Kind: mfa.ContactEmail, Value: mfa.Secret(u.Username),
		Masked: mask(u.Username), Status: status(in.EmailStatus, mfa.ContactConfirmed), Source: mfa.SourceAdmin, Registered: true,
	}
	changed, err = s.putContact(ctx, have, email, fresh || in.EmailStatus != "")
	if err != nil {
		return changed, err
	}
	byKind := map[mfa.ContactKind]string{mfa.ContactEmail: email.ID}
	if in.Phone != "" {
		c, err := phoneContact(who, in)
		if err != nil {
			return changed, err
		}
		byKind[mfa.ContactPhone] = c.ID
		put, err := s.putContact(ctx, have, c, true)
		if err != nil {
			return changed, err
		}
		changed = changed || put
	}
	put, err := s.putFactors(ctx, who, have, in.Factors, byKind)
	return changed || put, err
}

func (s *Setup) putContact(ctx context.Context, have mfa.Enrolments, c mfa.Contact, wanted bool) (bool, error) {
	i := slices.IndexFunc(have.Contacts, func(o mfa.Contact) bool { return o.ID == c.ID })
	c.CreatedAt = s.Now()
	if i >= 0 {
		old := have.Contacts[i]
		c.CreatedAt, c.ConfirmedAt = old.CreatedAt, old.ConfirmedAt
		if !wanted {
			return false, nil
		}
	}
	if c.Status == mfa.ContactConfirmed && c.ConfirmedAt.IsZero() {
		c.ConfirmedAt = s.Now()
	}
	if i >= 0 && same(have.Contacts[i], c) {
		return false, nil
	}
	return true, s.Factors.AddContact(ctx, c)
}

func same(a, b mfa.Contact) bool {
	a.ConfirmedAt, b.ConfirmedAt = time.Time{}, time.Time{}
	a.CreatedAt, b.CreatedAt = time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}

func phoneContact(who mfa.Subject, in User) (mfa.Contact, error) {
	n, err := phone.Parse(in.Phone, "")
	if err != nil {
		return mfa.Contact{}, err
	}
	source := mfa.ContactSource(in.PhoneSource)
	if source == "" {
		source = mfa.SourceAdmin
	}
	if !slices.Contains([]mfa.ContactSource{mfa.SourceSelf, mfa.SourceLegacy, mfa.SourceAdmin, mfa.SourceImport}, source) {
		return mfa.Contact{}, fmt.Errorf("phone_source %q is not one of self, legacy, admin, import", source)
	}
	return mfa.Contact{
		ID: contactID(who, "phone", n.E164), Subject: who, Kind: mfa.ContactPhone, Value: mfa.Secret(n.E164), Masked: n.Masked,
		Country: n.Region, LineType: n.Line, Status: status(in.PhoneStatus, mfa.ContactUnverified), Source: source,
	}, nil
}

func status(given string, otherwise mfa.ContactStatus) mfa.ContactStatus {
	if given == "" {
		return otherwise
	}
	return mfa.ContactStatus(given)
}

func (s *Setup) putFactors(ctx context.Context, who mfa.Subject, have mfa.Enrolments, kinds []string, contacts map[mfa.ContactKind]string) (changed bool, err error) {
	for _, kind := range kinds {
		contact := contacts[mfa.ContactPhone]
		switch kind {
		case "email":
			contact = contacts[mfa.ContactEmail]
		case "sms":
		default:
			return changed, fmt.Errorf("factors: %q is not one of email, sms", kind)
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
			ID: contactID(who, kind, contact), Subject: who, Kind: mfa.Method(kind), ContactID: contact,
			Status: mfa.FactorActive, CreatedAt: s.Now(),
		})
		if err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
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
