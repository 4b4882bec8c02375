package details

import (
	"slices"
	"strings"
)

// currencies lists the codes of money by the number of digits after the point.
//
// Source: ISO 4217, list one of 2024-06-25, with the amendments up to 2026-02:
// XCG came in the place of ANG, CUC ended, and BGN became EUR. Left out is what
// nobody is paid in: funds (BOV, CHE, CHW, CLF, COU, MXV, USN, UYI, UYW), the
// accounting unit XAD, and the codes without minor units: metals, bond units,
// drawing rights, and those for tests and for no currency.
var currencies = map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC " +
		"CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR " +
		"JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD " +
		"NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN " +
		"SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
	3: "BHD IQD JOD KWD LYD OMR TND",
}

// coins are the crypto currencies that can be confirmed, and their digits after
// the point. ISO 4217 has no codes for them; these are what exchanges use. The
// digits are those of the chain or of the issuer's contract.
var coins = map[string]int{"BTC": 8, "ETH": 18, "USDC": 6, "USDT": 6}

// minorUnits returns how many digits an amount in currency has after its point.
func minorUnits(currency string) (digits int, known bool) {
	digits, known = coins[currency]
	if known {
		return digits, true
	}
	for n, codes := range currencies {
		if slices.Contains(strings.Fields(codes), currency) {
			return n, true
		}
	}
	return 0, false
}

// IsCurrency reports whether an amount can be in currency: a code of ISO 4217 that
// people are paid in, or a crypto currency that can be confirmed.
func IsCurrency(currency string) bool {
	_, known := minorUnits(currency)
	return known
}

// isCoin reports whether currency is a crypto currency.
func isCoin(currency string) bool {
	_, ok := coins[currency]
	return ok
}
