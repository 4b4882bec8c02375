package details

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAmounts(t *testing.T) {
	tests := []struct {
		name, value, currency string
		want                  Fault // "" where it is sound
	}{
		{"euros and cents", "1250.00", "EUR", ""},
		{"one cent", "0.01", "EUR", ""},
		{"yen have no point", "500", "JPY", ""},
		{"dinars have three digits", "75.500", "KWD", ""},
		{"rials too", "1.000", "OMR", ""},
		{"bitcoins have eight", "0.01500000", "BTC", ""},
		{"ether has eighteen", "1.500000000000000000", "ETH", ""},
		{"15 digits", "999999999999999.99", "EUR", ""},
		{"16 digits", "1000000000000000.00", "EUR", FaultAmount},
		{"nothing", "0.00", "EUR", FaultAmount},
		{"no yen", "0", "JPY", FaultAmount},
		{"cents left out", "1250", "EUR", FaultAmount},
		{"one digit", "1250.5", "EUR", FaultAmount},
		{"three digits", "1250.500", "EUR", FaultAmount},
		{"yen with a point", "500.00", "JPY", FaultAmount},
		{"dinars with two digits", "75.50", "BHD", FaultAmount},
		{"a minus", "-1.00", "EUR", FaultAmount},
		{"a plus", "+1.00", "EUR", FaultAmount},
		{"an exponent", "1e3", "JPY", FaultAmount},
		{"a leading zero", "01.00", "EUR", FaultAmount},
		{"no digit before the point", ".50", "EUR", FaultAmount},
		{"no digit after the point", "5.", "JPY", FaultAmount},
		{"a comma", "1,00", "EUR", FaultAmount},
		{"separators", "1,250.00", "EUR", FaultAmount},
		{"two points", "1.250.00", "EUR", FaultAmount},
		{"a space", "1.00 ", "EUR", FaultAmount},
		{"empty", "", "EUR", FaultAmount},
		{"Arabic digits", "١.٠٠", "EUR", FaultAmount},
		{"hexadecimal", "0x10", "JPY", FaultAmount},
		{"small letters", "1.00", "eur", FaultCurrency},
		{"no currency", "1.00", "", FaultCurrency},
		{"one that is not there", "1.00", "EUX", FaultCurrency},
		{"no currency", "1", "XXX", FaultCurrency},
		{"gold", "1", "XAU", FaultCurrency},
		{"a fund", "1.0000", "UYW", FaultCurrency},
		{"one that became the euro", "1.00", "BGN", FaultCurrency},
		{"one that came in its place", "1.00", "XCG", ""},
		{"two codes", "1.00", "EUR USD", FaultCurrency},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.value+" "+tt.currency, func(t *testing.T) {
			got := checkAmount("/a", Amount{tt.value, tt.currency})

			if tt.want == "" {
				require.Nil(t, got)
				return
			}
			at := map[Fault]string{FaultAmount: "/a/value", FaultCurrency: "/a/currency"}
			requireFault(t, got, tt.want, at[tt.want])
		})
	}
}

func TestEveryCurrencyStandsInOneList(t *testing.T) {
	seen := map[string]int{}
	for digits, codes := range currencies {
		for _, code := range strings.Fields(codes) {
			_, twice := seen[code]
			require.False(t, twice, code)
			require.Regexp(t, `^[A-Z]{3}$`, code)
			seen[code] = digits
		}
	}
	require.Len(t, seen, 155)
	for coin := range coins {
		require.NotContains(t, seen, coin)
	}
}

func TestCompareIsExact(t *testing.T) {
	tests := []struct {
		value, other string
		want         int
	}{
		{"500.00", "500", 0},
		{"500.01", "500", 1},
		{"499.99", "500", -1},
		{"0.10", "0.1", 0},
		{"999999999999999.99", "999999999999999.98", 1},
		{"0.000000000000000001", "0.000000000000000002", -1},
		{"9.00", "10.00", -1},
		{"500", "500.000", 0},
	}
	for _, tt := range tests {
		got, err := Amount{Value: tt.value, Currency: "EUR"}.Compare(tt.other)
		require.NoError(t, err)
		require.Equal(t, tt.want, got, "%s and %s", tt.value, tt.other)
	}
	for _, bad := range []string{"", "-1", "1e3", "1,000", "0x1", "01", "1.", ".1", "NaN", strings.Repeat("9", 65)} {
		_, err := Amount{Value: "1.00", Currency: "EUR"}.Compare(bad)
		require.Error(t, err, bad)
		_, err = Amount{Value: bad}.Compare("1")
		require.Error(t, err, bad)
	}
}

func TestIBANs(t *testing.T) {
	tests := []struct {
		name, iban string
		sound      bool
	}{
		{"Germany", "DE89370400440532013000", true},
		{"Great Britain", "GB29NWBK60161331926819", true},
		{"Norway, the shortest", "NO9386011117947", true},
		{"Malta, with letters", "MT84MALT011000012345MTLCAST001S", true},
		{"Saudi Arabia", "SA0380000000608010167519", true},
		{"Saint Lucia, the longest", "LC55HEMM000100010012001200023015", true},
		{"one digit is another", "DE89370400440532013001", false},
		{"two digits changed places", "DE89370400440532010300", false},
		{"other check digits with the same remainder", "DE00370400440532013000", false},
		{"spaces", "DE89 3704 0044 0532 0130 00", false},
		{"small letters", "de89370400440532013000", false},
		{"a hyphen", "DE89-370400440532013000", false},
		{"too short for its country", "DE8937040044053201300", false},
		{"a letter where its country has digits", "DE8937040044053201300A", false},
		{"a country without IBANs", "US64SVBKUS6S3300958879", false},
		{"a territory under the code of another", "JE29NWBK60161331926819", false},
		{"nothing", "", false},
		{"a country alone", "DE89", false},
		{"letters that look like A", "DE8937040044053201300А", false},
		{"digits of another script", "DE8937040044053201300٠", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := checkIBAN("/i", tt.iban)

			if tt.sound {
				require.Nil(t, got)
				return
			}
			requireFault(t, got, FaultIBAN, "/i")
		})
	}
}

// TestCheckDigitsAreOneOfTwo: 02 and 99 leave the same remainder, and so do 00 and
// 97, 01 and 98. Only one of each pair is ever given out.
func TestCheckDigitsAreOneOfTwo(t *testing.T) {
	pairs := map[int]string{2: "99", 97: "00", 98: "01"}
	for account := 0; len(pairs) > 0; account++ {
		rest := fmt.Sprintf("37040044%010d", account)
		check := 98 - mod97(rest+"DE00")
		other, ok := pairs[check]
		if !ok {
			continue
		}
		require.Nil(t, checkIBAN("", fmt.Sprintf("DE%02d%s", check, rest)))
		requireFault(t, checkIBAN("", "DE"+other+rest), FaultIBAN, "")
		delete(pairs, check)
	}
}

func TestEveryCountryHasAFormThatCanBeMet(t *testing.T) {
	require.Len(t, ibanCountries, 89)
	for country, form := range ibanCountries {
		var rest strings.Builder
		for form != "" {
			var count int
			var class rune
			_, err := fmt.Sscanf(form, "%d%c", &count, &class)
			require.NoError(t, err)
			form = form[len(fmt.Sprintf("%d%c", count, class)):]
			rest.WriteString(strings.Repeat(map[rune]string{'n': "7", 'a': "Q", 'c': "Z"}[class], count))
		}
		check := 98 - mod97(rest.String()+country+"00")
		iban := fmt.Sprintf("%s%02d%s", country, check, &rest)

		require.Nil(t, checkIBAN("", iban), iban)
		require.LessOrEqual(t, len(iban), 34)
		require.NotNil(t, checkIBAN("", iban+"0"), iban)
	}
}

func TestWallets(t *testing.T) {
	tests := []struct {
		name, network, address string
		sound                  bool
	}{
		{"SegWit", "bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", true},
		{"SegWit for a script", "bitcoin", "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", true},
		{"Taproot", "bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", true},
		{"to a key", "bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", true},
		{"to a key that begins with zeros", "bitcoin", "1111111111111111111114oLvT2", true},
		{"to a script", "bitcoin", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", true},
		{"one letter is another", "bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", false},
		{"one letter is another, in SegWit", "bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", false},
		{"capitals, in SegWit", "bitcoin", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", false},
		{"a later version", "bitcoin", "bc1sw50qgdz25j", false},
		{"Taproot with the older checksum", "bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", false},
		{"SegWit with the newer checksum", "bitcoin", "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47", false},
		{"padding that is not zero", "bitcoin", "bc1gmk9yu", false},
		{"a test network", "bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", false},
		{"a test network, in Base58", "bitcoin", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", false},
		{"one character too many in front", "bitcoin", "11A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", false},
		{"a letter that Base58 does not have", "bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a", false},
		{"nothing", "bitcoin", "", false},
		{"a prefix alone", "bitcoin", "bc1", false},
		{"with its checksum", "ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", true},
		{"all capitals by chance", "ethereum", "0x52908400098527886E0F7030069857D2E4169EE7", true},
		{"all small by chance", "ethereum", "0xde709f2102306220921060314715629080e2fb77", true},
		{"small, without a checksum", "ethereum", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", false},
		{"one letter in the wrong case", "ethereum", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", false},
		{"too short", "ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA", false},
		{"without 0x", "ethereum", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", false},
		{"of another network", "ethereum", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", false},
	}
	for _, tt := range tests {
		t.Run(tt.network+", "+tt.name, func(t *testing.T) {
			got := checkWallet("/w", tt.network, tt.address)

			if tt.sound {
				require.Nil(t, got)
				return
			}
			requireFault(t, got, FaultWallet, "/w/address")
		})
	}
	requireFault(t, checkWallet("/w", "dogecoin", "D"), FaultWallet, "/w/network")
}

func TestMaskedAccounts(t *testing.T) {
	for _, sound := range []string{"…1234", "****1234", "DE89 **** **** 3000", "DE•• •••• 4321", "VISA ....4242", "*7", "...A1"} {
		require.Nil(t, checkMasked("/m", sound), sound)
	}
	for _, bad := range []string{
		"", "1234", "DE89370400440532013000", "DE89370400440532013…", "…12345", "…", "****", "DE893…3000", "**12**34", "…١٢٣٤", " ****1234", "12345*1", "*\u202E1234", "****-123",
	} {
		requireFault(t, checkMasked("/m", bad), FaultMasked, "/m")
	}
}

func TestTexts(t *testing.T) {
	for _, sound := range []string{
		"ACME GmbH", "Ødegård & Søn A/S", "O’Brien", "D'Angelo (Ltd.), 2nd", "株式会社 日本", "ﾐﾂﾋﾞｼ", "Société Générale", "محمد علي", "דוד לוי",
		"नरेन्द्र मोदी", "ООО Ромашка", "Booking.com", "Nguyễn Thị Ánh", "ไทยพาณิชย์", "Lamp 💡", "№ 5", "100 %", "a/b:c", "กิ่ง้",
		"St. Gallen", "St.Gallen", "A.B. GmbH", "Ａ．Ｂ．コーポレーション", "Ｄｒ．スミス", "モーニング娘。", "ご注文。ありがとう", "Invoice 7․ Thanks",
	} {
		require.Empty(t, textFault(sound), sound)
	}
	tests := map[string][]string{
		"control character": {"a\x00b", "a\tb", "a\nb", "a\r", "a\x7fb", "a\u0085b", "a\u2028b", "a\u2029b"},
		"direction":         {"a\u061Cb", "a\u200Eb", "a\u200Fb", "a\u202Ab", "a\u202Bb", "a\u202Cb", "a\u202Db", "a\u202Eb", "a\u2066b", "a\u2067b", "a\u2068b", "a\u2069b"},
		"cannot be seen": {
			"a\u200Bb", "a\u200Cb", "a\u200Db", "a\u2060b", "a\uFEFFb", "a\u00ADb", "a\u034Fb", "a\u115Fb", "a\u1160b", "a\u17B4b", "a\u180Eb", "a\u2061b",
			"a\u206Fb", "a\u3164b", "a\uFE0Fb", "a\uFFA0b", "a\U000E0041b", "a\U000E0100b", "a\u2800b", "a\uFFFDb", "a\uFFF9b", "a\U0001D173b",
		},
		"ordinary":     {"a\u00A0b", "a\u2003b", "a\u202Fb", "a\u3000b", "a\u1680b"},
		"not assigned": {"a\uE000b", "a\U000F0000b", "a\u0378b"},
		"spaces":       {" a", "a ", "a  b"},
		"empty":        {""},
		"marks":        {"a\u0302\u0302\u0302\u0302\u0302"},
		"web address":  {"see https://x.example", "WWW.x.example", "ｗｗｗ．x", "http\uFF1A//x", "a://b", "evil․com", "evil．com", "ｅｖｉｌ．ｃｏｍ", "evil﹒com", "evil。com", "evil｡com", "evil․рф", "evil\u0308․com", "＠bank․example ＃999999"},
	}
	for word, bad := range tests {
		for _, s := range bad {
			require.Contains(t, textFault(s), word, "%+q", s)
		}
	}
}

func TestSuspiciousNames(t *testing.T) {
	tests := map[string]bool{
		"ACME GmbH":                  false,
		"Société Générale":           false,
		"ООО Ромашка":                false,
		"Ромашка Ltd":                false,
		"Ελλάδα ΑΕ":                  false,
		"ソニーSony銀行":                  false,
		"삼성Samsung":                  false,
		"ﾐﾂﾋﾞｼ":                      false,
		"Mª José":                    false,
		"№ 5 ™":                      false,
		"محمد Ltd":                   false,
		"Müller-Мюллер":              false,
		"Omega Ω-3":                  false,
		"Pаypal":                     true, // the a is Cyrillic
		"АСМЕ":                       true, // all of it is Cyrillic
		"АСМЕ Bank":                  true,
		"ΑΚΜΗ":                       true, // all of it is Greek
		"AppleΟ":                     true,
		"Ромашкa":                    true, // the last letter is Latin
		"ＡＣＭＥ":                       true, // fullwidth
		"𝐀𝐂𝐌𝐄":                       true, // mathematical
		"Ⓐcme":                       true,
		"ⅩⅠ":                         true,
		"日本Яндекс":                   true,
		"اpple":                      true,
		"":                           false,
		"123 456":                    false,
		"Cafe\u0301":                 false,
		"Ivanov (Иванов) Consulting": false,
	}
	for name, want := range tests {
		require.Equal(t, want, Suspicious(name), "%q %+q", name, name)
	}
}
