package dialect

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// FormKind is a change of columns that people make every day.
type FormKind string

// The forms. Those that keep a column's name swap the names of the old and the new
// column when they contract.
const (
	FormMerge   FormKind = "merge"    // two columns of text become one
	FormSplit   FormKind = "split"    // one column of text becomes two
	FormRename  FormKind = "rename"   // a column gets another name
	FormType    FormKind = "type"     // a column gets another type and keeps its name
	FormKey     FormKind = "key"      // a counting primary key gets a wider type and keeps its name
	FormNotNull FormKind = "not-null" // a column gets a value everywhere and keeps its name
	FormMove    FormKind = "move"     // columns go to another table, of which each row belongs to one of this
)

// FormKinds are the names of all forms.
func FormKinds() []string {
	return []string{string(FormMerge), string(FormSplit), string(FormRename), string(FormType), string(FormKey), string(FormNotNull), string(FormMove)}
}

// Form is what one of these changes is about. Names are spelled as in SQL.
type Form struct {
	Kind     FormKind
	Table    string
	Old, New []string
	// Type is that of the new columns, "" the form's own: text for merge and split,
	// a 64-bit integer for key.
	Type string
	// Default is the value, as SQL, that a column gets where it has none.
	Default string
	// References are the columns, as table.column, that refer to a key.
	References []string
	// Into is the table that columns move to, By its columns that hold the key of this
	// one, each as there=here.
	Into string
	By   []string
}

// Steps are the sections of a change, as text. Notes say what else is to be done,
// each a sentence or two.
type Steps struct {
	Expand, Forward, Backward, Contract string
	Hold                                string
	// Form is what the directive says of the form, where it has to.
	Form  string
	Notes []string
}

// Former is a dialect that can write everyday changes. All dialects of this house
// are. The form is in order: see [Form.Check].
type Former interface {
	Form(f Form) (Steps, error)
}

// Check finds out whether a form has what it needs, and names the new column after
// the old one where the name is to stay.
func (f Form) Check() (Form, error) {
	want := func(old, new int) error {
		if len(f.Old) != old || len(f.New) != new {
			return fault.New(fault.Usage, "the form %s wants %s and %s", f.Kind, columns(old, "--old"), columns(new, "--new")).
				Try("--change %s --form %s --old %s --new %s", f.Table, f.Kind, strings.Join([]string{"a", "b"}[:old], ","), strings.Join([]string{"c", "d"}[:new], ","))
		}
		return nil
	}
	var err error
	switch f.Kind {
	case FormMerge:
		err = want(2, 1)
	case FormSplit:
		err = want(1, 2)
	case FormRename:
		err = want(1, 1)
	case FormType, FormKey, FormNotNull:
		if len(f.New) == 0 && len(f.Old) == 1 {
			f.New = []string{beside(f.Old[0], "_new")}
		}
		err = want(1, 1)
	case FormMove:
		if len(f.New) == 0 {
			f.New = f.Old
		}
		err = f.moves()
	default:
		err = fault.New(fault.Usage, "there is no form %q", string(f.Kind)).Try("the forms are %s", strings.Join(FormKinds(), ", "))
	}
	if err != nil {
		return f, err
	}
	return f, f.complete()
}

func columns(n int, flag string) string {
	if n == 1 {
		return "one column " + flag
	}
	return "two columns " + flag
}

func (f Form) complete() error {
	switch {
	case f.Type == "" && (f.Kind == FormRename || f.Kind == FormType || f.Kind == FormNotNull):
		return fault.New(fault.Usage, "the form %s wants the type of the new column", f.Kind).Try("--type 'varchar(50)', as the table is to have it")
	case f.Kind == FormNotNull && f.Default == "":
		return fault.New(fault.Usage, "the form %s wants the value that stands where there is none", f.Kind).Try("--default 0, or --default \"'unknown'\": it is SQL")
	case f.Kind != FormNotNull && f.Default != "":
		return fault.New(fault.Usage, "--default goes with the form %s", FormNotNull).Try("bellows new --help")
	case f.Kind != FormMove && (f.Into != "" || len(f.By) > 0):
		return fault.New(fault.Usage, "--into and --by go with the form %s", FormMove).Try("bellows new --help")
	case f.Kind != FormKey && len(f.References) > 0:
		return fault.New(fault.Usage, "--references goes with the form %s", FormKey).Try("bellows new --help")
	}
	for _, r := range f.References {
		if !strings.Contains(r, ".") {
			return fault.New(fault.Usage, "--references %s names no column of a table", r).Try("--references comments.post_id")
		}
	}
	return nil
}

// moves demands what the form move needs.
func (f Form) moves() error {
	const hint = "--change users --form move --old bio,site --into profiles --by user_id=id --type text"
	switch {
	case len(f.Old) == 0 || len(f.New) != len(f.Old):
		return fault.New(fault.Usage, "the form %s wants the columns that move, and as many names for them there, or none", f.Kind).Try(hint)
	case f.Into == "" || len(f.By) == 0:
		return fault.New(fault.Usage, "the form %s wants the other table, and its column that has the key of %s", f.Kind, f.Table).Try(hint)
	case f.Type == "" || len(f.types()) != 1 && len(f.types()) != len(f.New):
		return fault.New(fault.Usage, "the form %s wants the type of the columns, or one for each", f.Kind).Try("--type text, or --type 'text,varchar(50)'")
	}
	for _, pair := range f.By {
		there, here, ok := strings.Cut(pair, "=")
		if !ok || there == "" || here == "" {
			return fault.New(fault.Usage, "--by %s names no column of each table", pair).Try("--by user_id=id: the column of the other table, and the one of this")
		}
	}
	return nil
}

// types are the types of the columns that move: commas in parentheses are part of one.
func (f Form) types() []string {
	var all []string
	depth, from := 0, 0
	for i, r := range f.Type {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			all, from = append(all, strings.TrimSpace(f.Type[from:i])), i+1
		}
	}
	return append(all, strings.TrimSpace(f.Type[from:]))
}

// Move are the sections of the form move; key is the type of keys.
func Move(f Form, key string) Steps {
	types := f.types()
	var lines, there, here, forward, backward []string
	for _, pair := range f.By {
		a, b, _ := strings.Cut(pair, "=")
		lines, there, here = append(lines, "  "+a+" "+key+" NOT NULL"), append(there, a), append(here, b)
	}
	for i, name := range f.New {
		lines = append(lines, "  "+name+" "+types[min(i, len(types)-1)])
		forward, backward = append(forward, name+" = "+last(f.Table)+"."+f.Old[i]), append(backward, f.Old[i]+" = "+last(f.Into)+"."+name)
	}
	lines = append(lines, "  PRIMARY KEY ("+strings.Join(there, ", ")+")",
		"  FOREIGN KEY ("+strings.Join(there, ", ")+") REFERENCES "+f.Table+" ("+strings.Join(here, ", ")+") ON DELETE CASCADE ON UPDATE CASCADE")
	return Steps{
		Expand:   "CREATE TABLE " + f.Into + " (\n" + strings.Join(lines, ",\n") + "\n);",
		Forward:  strings.Join(forward, ",\n"),
		Backward: strings.Join(backward, ",\n"),
		Hold:     "every instance reads and writes " + strings.Join(f.New, ", ") + " in " + f.Into + " only",
		Notes: []string{"Give each column the type that it has in " + f.Table + ", " + strings.Join(there, ", ") + " that of " + strings.Join(here, ", ") + ". Where " + f.Into +
			" is there already, ALTER TABLE adds the columns to it.",
			"A row of " + f.Table + " has no row in " + f.Into + " as long as its columns hold nothing: applications that use " + f.Into + " insert the row, or write it by an upsert."},
	}
}

// last is a name without its schema.
func last(name string) string {
	if at := strings.LastIndex(name, "."); at >= 0 && strings.Count(name[at:], `"`)%2 == 0 && strings.Count(name[at:], "`")%2 == 0 {
		return name[at+1:]
	}
	return name
}

// beside is a name with something appended, inside of its quotes.
func beside(name, suffix string) string {
	if n := len(name); n > 1 && strings.ContainsRune("\"`]", rune(name[n-1])) {
		return name[:n-1] + suffix + name[n-1:]
	}
	return name + suffix
}

// Beside is the name of a thing made for a column: of its quotes nothing is lost.
func Beside(name, suffix string) string { return beside(name, suffix) }

// Texts are how a database joins two texts and takes them apart. A text that is
// missing is "" there, and one that is "" is missing.
type Texts struct {
	Join        string // with %s for each of the two
	First, Rest string // with %[1]s for the text: before and behind the first blank
}

// Everyday are the sections of the forms that look alike everywhere. ok is false
// for those that do not.
func Everyday(f Form, text string, t Texts) (s Steps, ok bool) {
	add := func(column, rest string) string {
		return "ALTER TABLE " + f.Table + " ADD COLUMN " + column + " " + rest + ";"
	}
	kind := f.Type
	if kind == "" {
		kind = text
	}
	swap := func(a, b string) string { return strings.NewReplacer("%[1]s", a, "%[2]s", b).Replace(t.Join) }
	part := func(form, from string) string { return strings.ReplaceAll(form, "%[1]s", from) }
	s.Hold = "every instance reads and writes only " + strings.Join(f.New, ", ")
	switch f.Kind {
	case FormMerge:
		s.Expand = add(f.New[0], kind)
		s.Forward = f.New[0] + " = " + swap(f.Old[0], f.Old[1])
		s.Backward = f.Old[0] + " = " + part(t.First, f.New[0]) + ",\n" + f.Old[1] + " = " + part(t.Rest, f.New[0])
		s.Notes = []string{"The two are joined by a blank, and parted at the first one."}
	case FormSplit:
		s.Expand = add(f.New[0], kind) + "\n" + add(f.New[1], kind)
		s.Forward = f.New[0] + " = " + part(t.First, f.Old[0]) + ",\n" + f.New[1] + " = " + part(t.Rest, f.Old[0])
		s.Backward = f.Old[0] + " = " + swap(f.New[0], f.New[1])
		s.Notes = []string{"The text is parted at the first blank, and joined by one."}
	case FormRename:
		s.Expand = add(f.New[0], kind)
		s.Forward, s.Backward = f.New[0]+" = "+f.Old[0], f.Old[0]+" = "+f.New[0]
		s.Notes = []string{"Indexes, constraints and the default of " + f.Old[0] + " do not come with it: make those of " + f.New[0] +
			" in a migration of their own, which begins with -- migrate:needs and this one's id and :backfill."}
	case FormType:
		s.Expand = add(f.New[0], kind)
		s.Forward, s.Backward = f.New[0]+" = "+f.Old[0], f.Old[0]+" = "+f.New[0]
		s.Notes = []string{"Where a value does not become the other type by itself, write a cast into the expression.",
			"Indexes, constraints and the default of " + f.Old[0] + " do not come with it: make those of " + f.New[0] +
				" in a migration of their own, which begins with -- migrate:needs and this one's id and :backfill; it then carries the name " + f.Old[0] + "."}
	case FormNotNull:
		s.Expand = add(f.New[0], kind+" NOT NULL DEFAULT "+f.Default)
		s.Forward, s.Backward = f.New[0]+" = COALESCE("+f.Old[0]+", "+f.Default+")", f.Old[0]+" = "+f.New[0]
		s.Notes = []string{"Indexes and other constraints of " + f.Old[0] + " do not come with it: make those of " + f.New[0] +
			" in a migration of their own, which begins with -- migrate:needs and this one's id and :backfill."}
	default:
		return s, false
	}
	if f.Kind == FormType || f.Kind == FormNotNull {
		s.Hold = "every instance takes " + f.Old[0] + " as " + kind
		if f.Kind == FormNotNull {
			s.Hold = "every instance gives " + f.Old[0] + " a value, or leaves it out"
		}
	}
	return s, true
}
