package phone_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func listed(regions ...string) policy.Countries { return policy.Countries{List: regions} }

// marketplace accepts fixed lines for calls, as system C does.
func marketplace() policy.PhoneContacts {
	return policy.PhoneContacts{
		LineTypes:    policy.List[policy.LineType]{"mobile", "fixed", "ambiguous"},
		SMSTo:        policy.List[policy.LineType]{"mobile", "ambiguous"},
		VoiceTo:      policy.List[policy.LineType]{"mobile", "fixed", "ambiguous"},
		CountriesSMS: policy.Countries{All: true}, CountriesVoice: policy.Countries{All: true},
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name, text string
		change     func(*policy.PhoneContacts)
		sms, voice error
	}{
		{"a mobile takes both", "+4915735991000", nil, nil, nil},
		{"what may be a mobile takes both", "+526441832399", nil, nil, nil},
		{"T-64: a fixed line takes calls alone", "+4930901820", nil, phone.ErrLine, nil},
		{"T-64: a fixed line takes no message, whatever the policy says", "+4930901820", func(p *policy.PhoneContacts) {
			p.SMSTo = append(p.SMSTo, "fixed")
		}, phone.ErrLine, nil},
		{"a fixed line that is not accepted", "+4930901820", func(p *policy.PhoneContacts) {
			p.LineTypes = policy.List[policy.LineType]{"mobile", "ambiguous"}
		}, phone.ErrType, phone.ErrType},
		{"over the internet, off by default", "+445600000000", nil, phone.ErrType, phone.ErrType},
		{"over the internet, for calls alone", "+445600000000", func(p *policy.PhoneContacts) {
			p.LineTypes, p.VoiceTo = append(p.LineTypes, "voip"), append(p.VoiceTo, "voip")
		}, phone.ErrLine, nil},
		{"no calls to what may be a fixed line", "+526441832399", func(p *policy.PhoneContacts) {
			p.VoiceTo = policy.List[policy.LineType]{"mobile"}
		}, nil, phone.ErrLine},
		{"D-05: a country without messages", "+526441832399", func(p *policy.PhoneContacts) {
			p.CountriesSMS = listed("DE", "FR")
		}, phone.ErrCountry, nil},
		{"a country without calls", "+526441832399", func(p *policy.PhoneContacts) {
			p.CountriesVoice = listed()
		}, nil, phone.ErrCountry},
		{"nothing is listed", "+4915735991000", func(p *policy.PhoneContacts) {
			p.CountriesSMS, p.CountriesVoice = listed(), listed()
		}, phone.ErrCountry, phone.ErrCountry},
		{"the line is told before the country", "+4930901820", func(p *policy.PhoneContacts) {
			p.CountriesSMS = listed()
		}, phone.ErrLine, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := marketplace()
			if tt.change != nil {
				tt.change(&p)
			}
			n, err := phone.Parse(tt.text, "")
			require.NoError(t, err)

			v := phone.Judge(n, p)

			require.Equal(t, phone.Verdict{SMS: tt.sms, Voice: tt.voice}, v)
			require.Equal(t, tt.sms, v.For(policy.SMS))
			require.Equal(t, tt.voice, v.For(policy.Voice))
			require.ErrorIs(t, v.For(policy.Email), phone.ErrType)
			stored := phone.Judge(phone.Number{Region: n.Region, Line: n.Line}, p)
			require.Equal(t, v, stored, "a stored contact is judged by country and line alone")
		})
	}
	none := phone.Judge(phone.Number{}, marketplace())
	require.Equal(t, phone.Verdict{SMS: phone.ErrType, Voice: phone.ErrType}, none)
	none = phone.Judge(phone.Number{Region: "DE", Line: phone.Mobile}, policy.PhoneContacts{})
	require.Equal(t, phone.Verdict{SMS: phone.ErrType, Voice: phone.ErrType}, none, "no policy allows nothing")
}

// TestASharedPlanLetsInNobodyElse is about countries that have a calling code in
// common: a number goes by its own region.
func TestASharedPlanLetsInNobodyElse(t *testing.T) {
	tests := []struct {
		name, text, region string
		list               policy.Countries
		want               bool
	}{
		{"Britain", "+447400123456", "GB", listed("GB"), true},
		{"Guernsey, where Britain is listed", "+447911123456", "GG", listed("GB"), false},
		{"Jersey, where Britain is listed", "+447797712345", "JE", listed("GB"), false},
		{"Man, where Britain is listed", "+447624123456", "IM", listed("GB"), false},
		{"a fixed line of Guernsey", "+441481256789", "GG", listed("GB"), false},
		{"Guernsey itself", "+447911123456", "GG", listed("GB", "GG"), true},
		{"the United States", "+12015550123", "US", listed("US"), true},
		{"Canada, where the United States are listed", "+16045550123", "CA", listed("US"), false},
		{"the United States, where Canada is listed", "+12015550123", "US", listed("CA"), false},
		{"Jamaica, where the United States are listed", "+18762101234", "JM", listed("US", "CA"), false},
		{"Puerto Rico, where the United States are listed", "+17872345678", "PR", listed("US"), false},
		{"the Dominican Republic likewise", "+18092345678", "DO", listed("US"), false},
		{"Kazakhstan, where Russia is listed", "+77012345678", "KZ", listed("RU"), false},
		{"Russia, where Kazakhstan is listed", "+79123456789", "RU", listed("KZ"), false},
		{"Rome, which resolves to the Vatican, where Italy is listed", "+39066982", "VA", listed("IT"), true},
		{"Italy, where the Vatican is listed", "+393123456789", "IT", listed("VA"), false},
		{"Åland, where Finland is listed", "+35818123456", "AX", listed("FI"), true},
		{"Svalbard, where Norway is listed", "+4779123456", "SJ", listed("NO"), true},
		{"Christmas Island, where Australia is listed", "+61891641234", "CX", listed("AU"), true},
		{"Mayotte, where Réunion is listed", "+262639012345", "YT", listed("RE"), false},
		{"everybody, where all are", "+447911123456", "GG", policy.Countries{All: true}, true},
		{"nobody, where none are", "+447400123456", "GB", listed(), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := phone.Parse(tt.text, "")
			require.NoError(t, err)
			require.Equal(t, tt.region, n.Region)

			require.Equal(t, tt.want, phone.Served(tt.list, n.Region))
		})
	}
}

// TestListingOneCountryServesFew asks for every pair, so that no exception comes
// in unseen.
func TestListingOneCountryServesFew(t *testing.T) {
	brought := map[string]string{"CC": "AU", "CX": "AU", "AX": "FI", "BL": "GP", "MF": "GP", "VA": "IT", "SJ": "NO"}
	all := phone.Countries("en")
	for _, country := range all {
		for _, other := range all {
			want := country == other || brought[other.Region] == country.Region
			require.Equal(t, want, phone.Served(listed(country.Region), other.Region), "%s by %s", other.Region, country.Region)
			if want {
				require.Equal(t, country.Calling, other.Calling)
			}
		}
	}
}

func TestKey(t *testing.T) {
	for _, tt := range []struct {
		method policy.Kind
		err    error
		want   string
	}{
		{policy.SMS, phone.ErrLine, "sms_not_possible_for_line"},
		{policy.Voice, phone.ErrLine, "voice_not_possible_for_line"},
		{policy.SMS, phone.ErrCountry, "sms_country_unavailable"},
		{policy.Voice, phone.ErrCountry, "voice_country_unavailable"},
		{policy.SMS, phone.ErrType, "phone_type_not_allowed"},
		{policy.SMS, phone.ErrExtension, "phone_extension_not_allowed"},
		{policy.SMS, phone.ErrInvalid, "phone_invalid"},
		{policy.SMS, errors.New("something else"), ""},
		{policy.SMS, nil, ""},
	} {
		require.Equal(t, tt.want, phone.Key(tt.method, tt.err))
	}
}
