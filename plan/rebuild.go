package plan

// rebuilds takes back the loss of a table that the step builds anew: a new
// table gets its rows and then, when the old one is dropped, its name; or the
// old one is renamed away first. What only the old table had is still lost,
// and that is noted.
func (b *builder) rebuilds() {
	var filled []Name // tables made here that rows were put into
	var made []Name
	was := map[Name]Name{} // tables by their new names
	for i, st := range b.step.Statements {
		made = append(made, st.Effect.Creates...)
		for _, n := range st.Effect.Changes {
			if n.In(made) {
				filled = append(filled, n)
			}
		}
		for _, r := range st.Effect.Renames {
			was[r.To] = r.From
		}
		kept := st.Effect.Destroys[:0:0]
		for _, l := range st.Effect.Destroys {
			old, away := was[l.Table]
			if l.Column != "" || l.Rows || !(away && old.In(filled)) && !b.renamedTo(i, l.Table, filled) {
				kept = append(kept, l)
				continue
			}
			if !away {
				old = l.Table
			}
			b.note(st.Pos, "%s is built anew: a column that the new table does not have is lost", old)
		}
		b.step.Statements[i].Effect.Destroys = kept
	}
}

// renamedTo tells whether a table that was filled gets a name after statement i.
func (b *builder) renamedTo(i int, name Name, filled []Name) bool {
	for _, st := range b.step.Statements[i+1:] {
		for _, r := range st.Effect.Renames {
			if r.To == name && r.From.In(filled) {
				return true
			}
		}
	}
	return false
}
