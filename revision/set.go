package revision

import (
	"maps"
	"slices"
)

// Set is a set of ids. The nil Set is an empty one that can be read.
type Set map[ID]struct{}

// NewSet makes a set of ids.
func NewSet(ids ...ID) Set {
	s := make(Set, len(ids))
	for _, id := range ids {
		s[id] = struct{}{}
	}
	return s
}

// Has tells whether id is in the set.
func (s Set) Has(id ID) bool {
	_, ok := s[id]
	return ok
}

// Add puts ids into the set, which must not be nil.
func (s Set) Add(ids ...ID) {
	for _, id := range ids {
		s[id] = struct{}{}
	}
}

// Sorted gives the ids in the order of [Compare].
func (s Set) Sorted() []ID {
	return slices.SortedFunc(maps.Keys(s), Compare)
}

// Equal tells whether both hold the same ids.
func (s Set) Equal(t Set) bool { return maps.Equal(s, t) }
