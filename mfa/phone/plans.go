package phone

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// alsoServed are the territories that come with a country, because their numbers
// are a part of its own plan, and some in daily use at home resolve to them. Nobody
// who lists the country would think of that.
//
// It is a list of exceptions. A shared calling code alone is no reason to be here:
//
//	+44    GB does not bring GG, JE or IM: networks of their own, dearer, and known for abuse.
//	+1     US does not bring CA, nor PR, VI, GU, AS, MP or the Caribbean; nor CA anybody.
//	+7     RU does not bring KZ, nor the reverse.
//	+212   MA and EH: the plan cannot tell them apart, and numbers of both resolve to MA.
//	+262   RE and YT are told apart by the plan, so each is listed for itself.
//	+599   CW and BQ, +290 SH and TA: likewise.
//
// It works one way. A territory does not bring its country, which is larger: mobile
// numbers that the plan does not tell apart resolve to the country, and who wants
// them lists the country.
var alsoServed = map[string][]string{
	"AU": {"CC", "CX"}, // +61 8 9162 and 8 9164: Cocos Islands, Christmas Island
	"FI": {"AX"},       // +358 18: Åland
	"GP": {"BL", "MF"}, // +590: Saint-Barthélemy, Saint-Martin; most of their numbers resolve to GP
	"IT": {"VA"},       // +39 06 698: the Vatican, and to the metadata some of Rome
	"NO": {"SJ"},       // +47 79: Svalbard
}

// Served reports whether countries has region, or a country that region comes
// with.
func Served(countries policy.Countries, region string) bool {
	if countries.Allows(region) {
		return true
	}
	return slices.ContainsFunc(countries.List, func(country string) bool {
		return slices.Contains(alsoServed[country], region)
	})
}
