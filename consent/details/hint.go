package details

// farthest is how many letters a name may be away from one that was meant.
const farthest = 2

// hint asks whether the type that comes closest to name was meant; "" if none is
// close. The names of the other types are not told: some may not be open to the app.
func (r *Registry) hint(name string) string {
	if len(name) > longestPlace {
		return ""
	}
	closest, least := "", farthest+1
	for _, known := range r.Names() {
		d := distance(name, known)
		if d < least {
			closest, least = known, d
		}
	}
	if closest == "" {
		return ""
	}
	return " Was " + closest + " meant?"
}

// distance is how many bytes have to be put in, left out or replaced to make b of a.
//
// Source: V. I. Levenshtein, 1966; the row by row way of R. A. Wagner and M. J. Fischer.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
