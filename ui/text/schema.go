package text

import (
	"github.com/bellowsdb/bellows/schema"
)

// unmodelled names what was found and is not described.
func (f *Face) unmodelled(all []schema.Unmodelled) {
	for _, u := range all {
		why := ""
		if u.Why != "" {
			why = ": " + u.Why
		}
		f.Say("not described: %s %s%s", u.Kind, u.Name, why)
	}
}
