package plan

import "github.com/bellowsdb/bellows/sqltext"

// Barer reads SQL and can strip it.
type Barer interface {
	Split(text string, o sqltext.Options) sqltext.Pieces
	Bare(sql string) string
}

// Code is what the statements of a text are to the server: each without its
// comments, with one blank between its tokens. Two texts with the same code do
// the same. The error is the cutter's.
func Code(text string, r Barer) ([]string, error) {
	var out []string
	for st, err := range r.Split(text, sqltext.Options{}) {
		if err != nil {
			return nil, err
		}
		if st.Kind == sqltext.Blank || st.Kind == sqltext.Note {
			continue
		}
		out = append(out, r.Bare(st.Text)+text[st.DataStart:st.DataEnd])
	}
	return out, nil
}
