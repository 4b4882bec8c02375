package provider

import (
	"encoding/json"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/identity"
)

// scopeClaims are the claims that a scope asks for at the userinfo endpoint.
//
// Source: OpenID Connect Core section 5.4.
var scopeClaims = map[string][]string{
	"profile": {
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile",
		"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
}

// profileClaims are all standard claims that are known of u, by name. One that
// is not known is not there, neither empty nor null.
//
// Source: OpenID Connect Core sections 5.1, 5.1.1 and 5.3.2.
func profileClaims(u identity.User) jwt.MapClaims {
	raw, err := json.Marshal(u.Profile)
	if err != nil {
		return jwt.MapClaims{} // strings, numbers and booleans always marshal
	}
	claims := jwt.MapClaims{}
	err = json.Unmarshal(raw, &claims)
	if err != nil {
		return jwt.MapClaims{}
	}
	if u.Profile.UpdatedAt != 0 {
		claims["updated_at"] = u.Profile.UpdatedAt // a whole number, also when it is large
	}
	// "Not verified" is an answer, but only about an address that there is.
	if u.Profile.Email != "" {
		claims["email_verified"] = u.Profile.EmailVerified
	}
	if u.Profile.PhoneNumber != "" {
		claims["phone_number_verified"] = u.Profile.PhoneNumberVerified
	}
	return claims
}

// selectClaims are the claims of u that scopes ask for, and those named in asks,
// as far as they are known.
func selectClaims(u identity.User, scopes []string, asks map[string]claimAsk) jwt.MapClaims {
	known := profileClaims(u)
	chosen := jwt.MapClaims{}
	for name, value := range known {
		_, asked := asks[name]
		if asked || inScope(name, scopes) {
			chosen[name] = value
		}
	}
	return chosen
}

func inScope(claim string, scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool {
		return slices.Contains(scopeClaims[scope], claim)
	})
}
