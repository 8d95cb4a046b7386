package fill

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
)

// answers puts a program's answers to the rows they are for.
type answers struct {
	r        *rowing
	rows     []*record
	answered int
	failed   bool // an answer was wrong
	next     int  // most programs answer in order: the row whose answer is likely next
	byName   map[string]*record
	byKey    map[string]*record
	members  []backfill.Member
	bytes    int
	most     int // of bytes, where there is more than one row; 0 is no end
}

func newAnswers(r *rowing, rows []*record) *answers { return &answers{r: r, rows: rows} }

// first names the first row without an answer.
func (a *answers) first() (string, bool) {
	for _, x := range a.rows {
		if x.verdict == unanswered {
			return keyText(a.r.key, x.key), true
		}
	}
	return "", false
}

// take reads one answer. more tells that there are rows without one.
func (a *answers) take(line []byte) (more bool, err error) {
	defer func() { a.failed = err != nil }()
	if a.members, err = backfill.Members(line, a.members[:0]); err != nil {
		return false, a.wrong(line, "what the program wrote cannot be read: %v", err).Try("it answers each row with one JSON object on a line of its own; remarks belong on its standard error")
	}
	if a.bytes += len(line); a.much() {
		return false, errMuch
	}
	x, err := a.rowOf(line)
	if err != nil {
		return false, err
	}
	if err := a.judge(x, line); err != nil {
		return false, err
	}
	a.answered++
	return a.answered < len(a.rows), nil
}

// much tells that no more answers can be held. Those for a single row always are.
func (a *answers) much() bool { return a.most > 0 && a.bytes > a.most && len(a.rows) > 1 }

func (a *answers) member(name string) []byte {
	for _, m := range a.members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// rowOf finds the row that an answer is for, by bellows_key or by the columns of
// the table's key.
func (a *answers) rowOf(line []byte) (*record, error) {
	var x *record
	var how string
	if raw := a.member(keyField); raw != nil {
		var key string
		if json.Unmarshal(raw, &key) != nil {
			return nil, a.wrong(line, "%s is no text", keyField)
		}
		x, how = a.find(&a.byKey, key, func(x *record) string { return a.r.rowKey(x.key) }), keyField+" "+key
	} else {
		name, shown, ok := a.named()
		if !ok {
			return nil, a.wrong(line, "an answer of the program does not say for which row it is").Try("give %s", a.naming())
		}
		x, how = a.find(&a.byName, name, func(x *record) string { return x.name }), shown
	}
	if x == nil {
		return nil, a.wrong(line, "the program answers for a row that it was not asked about: %s", how).Try("answer each row of its input once; give the key as it came")
	}
	if x.verdict != unanswered {
		return nil, a.wrong(line, "the program answers twice for row %s", keyText(a.r.key, x.key)).Try("answer each row of its input once")
	}
	return x, nil
}

func (a *answers) naming() string {
	if a.r.keyed == nil {
		return keyField + " as it came"
	}
	names := make([]string, len(a.r.keyed))
	for i, at := range a.r.keyed {
		names[i] = a.r.columns[at]
	}
	return strings.Join(names, " and ") + " as they came, or " + keyField
}

// named is the name of the row that an answer is for, made of the key's columns.
func (a *answers) named() (name, shown string, ok bool) {
	if a.r.keyed == nil {
		return "", "", false
	}
	parts, texts := make([]string, len(a.r.keyed)), make([]string, len(a.r.keyed))
	for i, at := range a.r.keyed {
		raw := a.member(a.r.columns[at])
		if raw == nil {
			return "", "", false
		}
		c, err := backfill.ReadJSON(raw, a.r.lang, a.r.types[at])
		if err != nil {
			return "", "", false
		}
		parts[i], texts[i] = string(c.Text), a.r.columns[at]+"="+string(c.Text)
	}
	return strings.Join(parts, "\x00"), strings.Join(texts, ", "), true
}

// find looks a row up: first where it is likely, then in a map.
func (a *answers) find(index *map[string]*record, name string, of func(*record) string) *record {
	if a.next < len(a.rows) && of(a.rows[a.next]) == name {
		a.next++
		return a.rows[a.next-1]
	}
	if *index == nil {
		*index = make(map[string]*record, len(a.rows))
		for _, x := range a.rows {
			(*index)[of(x)] = x
		}
	}
	return (*index)[name]
}

// judge reads what an answer says.
func (a *answers) judge(x *record, line []byte) error {
	if raw := a.member("error"); raw != nil && !a.r.takes("error") {
		var reason string
		if json.Unmarshal(raw, &reason) != nil {
			reason = string(raw)
		}
		x.verdict, x.reason = bad, fault.Redact(reason)
		return nil
	}
	if raw := a.member("skip"); raw != nil && !a.r.takes("skip") {
		if !bytes.Equal(raw, []byte("true")) {
			return a.wrong(line, "skip is true, or is not there")
		}
		x.verdict = skipped
		return nil
	}
	values := make([]dialect.Cell, len(a.r.params))
	found := 0
	for _, m := range a.members {
		i, ok := a.r.number[m.Name]
		if !ok {
			if a.r.known[m.Name] || m.Name == keyField || m.Name == leftField {
				continue
			}
			return a.wrong(line, "the answer for row %s has a field %q, which the write section does not take", keyText(a.r.key, x.key), m.Name).Try("%s", a.meant(m.Name))
		}
		c, err := backfill.ReadJSON(m.Value, a.r.lang, a.r.params[i])
		if err != nil {
			return a.wrong(line, "the answer for row %s: the value of :%s cannot be written: %v", keyText(a.r.key, x.key), m.Name, err)
		}
		values[i] = c
		found++
	}
	if found < len(values) {
		for name, i := range a.r.number {
			if values[i].Text == nil && !values[i].Null {
				return a.wrong(line, "the answer for row %s has no field %q, which the write section takes as :%s", keyText(a.r.key, x.key), name, name).
					Try("give it, null for NULL")
			}
		}
	}
	return a.r.settleValues(x, values)
}

// takes tells whether the write section has a parameter of that name.
func (r *rowing) takes(name string) bool {
	_, ok := r.number[name]
	return ok
}

func (a *answers) meant(name string) string {
	if near := fault.Nearest(name, a.r.task.Logic.Write.Params); near != "" {
		return "did you mean " + near + "? It takes " + strings.Join(a.r.task.Logic.Write.Params, ", ")
	}
	return "it takes " + strings.Join(a.r.task.Logic.Write.Params, ", ")
}

// wrong is the error of an answer, which is shown.
func (a *answers) wrong(line []byte, format string, args ...any) *fault.Error {
	f := fault.New(fault.Failed, format, args...)
	const shown = 200
	text := strings.ToValidUTF8(string(line[:min(len(line), shown)]), "\ufffd")
	if len(line) > shown {
		text += "…"
	}
	f.Msg += "; it wrote: " + fault.Redact(text)
	return f
}

// settleValues notes what is to be written for a row. The key by which the write
// section finds the row is the row's own.
func (r *rowing) settleValues(x *record, values []dialect.Cell) error {
	if r.set {
		names := strings.Split(x.name, "\x00")
		for i, at := range r.keyed {
			param := r.task.Logic.Write.Pin(r.columns[at])
			if c := values[r.number[param]]; string(c.Text) != names[i] {
				return fault.New(fault.Failed, "the answer for row %s has another key: %s is %s", keyText(r.key, x.key), param, c.Text).
					Try("give the key as it came")
			}
		}
	}
	x.verdict, x.values = writes, values
	return nil
}

// takeValues notes what a function gave for a row.
func (r *rowing) takeValues(x *record, row map[string]any) error {
	values := make([]dialect.Cell, len(r.params))
	found := 0
	for name, v := range row {
		i, ok := r.number[name]
		if !ok {
			if r.known[name] {
				continue
			}
			a := answers{r: r}
			return fault.New(fault.Failed, "the answer for row %s has a field %q, which the write section does not take", keyText(r.key, x.key), name).Try("%s", a.meant(name))
		}
		c, err := backfill.OfValue(v, r.lang, r.params[i])
		if err != nil {
			return fault.New(fault.Failed, "the answer for row %s: the value of :%s cannot be written: %v", keyText(r.key, x.key), name, err)
		}
		values[i] = c
		found++
	}
	if found < len(values) {
		for _, name := range r.task.Logic.Write.Params {
			if _, ok := row[name]; !ok {
				return fault.New(fault.Failed, "the answer for row %s has no field %q, which the write section takes as :%s", keyText(r.key, x.key), name, name).
					Try("give it, nil for NULL")
			}
		}
	}
	return r.settleValues(x, values)
}
