package templates

// PINHelp is what a page that asks for the PIN says to somebody who has forgotten it.
// The zero value says nothing.
type PINHelp struct {
	// Tries is how many wrong ones end the PIN, so that a new one can be made; 0 where
	// the tenant lets nobody make one.
	Tries    int
	ResetURL string // the page where a new one is made, once the old one is dead; "" hides all
	Holds    bool   // protected actions wait for a while after that
	Leaves   bool   // Cancel on the page leads back to the app
}

// Shown reports whether there is anything to say.
func (h PINHelp) Shown() bool { return h.ResetURL != "" }
