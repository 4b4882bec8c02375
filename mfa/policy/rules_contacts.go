package policy

import "fmt"

// lineTypesAgree is V13.
func lineTypesAgree(c candidate) []Finding {
	phone := c.Contacts.Phone
	var all []Finding
	for _, to := range []struct {
		path  string
		types List[LineType]
	}{
		{"contacts.phone.sms_to", phone.SMSTo},
		{"contacts.phone.voice_to", phone.VoiceTo},
	} {
		for _, t := range to.types {
			if !phone.LineTypes.Has(t) {
				all = append(all, found(to.path, "%s is not an accepted type; add it to line_types or remove it here.", t)...)
			}
		}
	}
	if phone.LineTypes.Has(LineFixed) && !c.Methods[Voice].Enabled {
		all = append(all, found("contacts.phone.line_types", "A fixed line can only be called; enable voice or remove fixed.")...)
	}
	return all
}

// smsHasCountries is V14.
func smsHasCountries(c candidate) []Finding {
	if !c.Methods[SMS].Enabled || !c.Contacts.Phone.CountriesSMS.Empty() {
		return nil
	}
	return found("contacts.phone.countries_sms", "SMS is on, but no country may get one; list the countries, such as [\"DE\"], or switch sms off.")
}

// keptNumberKeepsMethod is V18: a method that can be switched off would leave a
// number that serves nothing and yet cannot be removed.
func keptNumberKeepsMethod(c candidate) []Finding {
	if c.Contacts.Phone.Remove != RemoveForbidden {
		return nil
	}
	var all []Finding
	for _, k := range []Kind{SMS, Voice} {
		l, ok := c.Lifecycle[k]
		if ok && !l.Disable.Forbidden {
			all = append(all, found(fmt.Sprintf("lifecycle.%s.disable", k), "A number can never be removed (contacts.phone.remove); write forbidden.")...)
		}
	}
	return all
}

// releaseWithoutUnique is V19, a warning.
func releaseWithoutUnique(c candidate) []Finding {
	phone, def := c.Contacts.Phone, defaultContacts().Phone
	if phone.Unique != UniqueNone {
		return nil
	}
	var all []Finding
	if phone.ReleaseAfterChange != def.ReleaseAfterChange {
		all = append(all, found("contacts.phone.release_after_change", "Numbers may be shared (unique is none), so this has no effect; remove it or set unique.")...)
	}
	if phone.ReleaseDays != def.ReleaseDays {
		all = append(all, found("contacts.phone.release_days", "Numbers may be shared (unique is none), so this has no effect; remove it or set unique.")...)
	}
	return all
}

// allCountries is W01: criminals earn by making a server send to numbers of their
// own, in countries where nobody expects them.
func allCountries(c candidate) []Finding {
	var all []Finding
	for _, to := range []struct {
		kind      Kind
		path      string
		countries Countries
	}{
		{SMS, "contacts.phone.countries_sms", c.Contacts.Phone.CountriesSMS},
		{Voice, "contacts.phone.countries_voice", c.Contacts.Phone.CountriesVoice},
	} {
		if c.Methods[to.kind].Enabled && to.countries.All {
			all = append(all, found(to.path, "Codes go to every country, which invites SMS pumping; list those where your users are.")...)
		}
	}
	return all
}

// telephonyWithoutBudget is W02.
func telephonyWithoutBudget(c candidate) []Finding {
	if c.Limits.DailyMicros > 0 || len(c.enabled([]Kind{SMS, Voice})) == 0 {
		return nil
	}
	return found("limits.budget_daily_usd_micros", "SMS or voice is on, but nothing may be spent on it; set a budget.")
}

// manyDeliveries is W06.
func manyDeliveries(c candidate) []Finding {
	const most, hour = 5, 3600
	if len(c.enabled(channels)) == 0 || len(c.Limits.SendPerUser) == 0 {
		return nil
	}
	possible := -1
	for _, r := range c.Limits.SendPerUser {
		windows := max(1, (hour+int(r.Per)-1)/max(1, int(r.Per)))
		if possible < 0 || r.N*windows < possible {
			possible = r.N * windows
		}
	}
	if possible <= most {
		return nil
	}
	return found("limits.send_per_user", "One user can be sent %d codes in an hour; consider at most %d.", possible, most)
}
