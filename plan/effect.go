package plan

import (
	"fmt"
	"strings"
)

// classNames are the words for classes, in their order.
var classNames = [...]string{
	"other", "schema", "rows", "query", "session", "begin", "commit", "rollback", "savepoint", "routine", "admin",
}

// String is the class in one lower-case word.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "other"
	}
	return classNames[c]
}

// String is the effect for reading, one fact a line, the verb and class first.
func (e Effect) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", e.Verb, e.Class)
	if e.Unparsed {
		b.WriteString("unparsed\n")
	}
	for _, t := range e.Touches {
		b.WriteString(t.String() + "\n")
	}
	for _, n := range e.Creates {
		fmt.Fprintf(&b, "creates %s\n", n)
	}
	for _, n := range e.Changes {
		fmt.Fprintf(&b, "changes %s\n", n)
	}
	for _, l := range e.Destroys {
		b.WriteString("destroys " + l.String() + "\n")
	}
	for _, o := range e.Objects {
		b.WriteString("object " + o.String() + "\n")
	}
	for _, n := range e.Renames {
		fmt.Fprintf(&b, "renames %s to %s\n", n.From, n.To)
	}
	for _, c := range e.Constraints {
		b.WriteString("constraint " + c.String() + "\n")
	}
	if e.Index != nil {
		b.WriteString(e.Index.String() + "\n")
	}
	if e.Detach != nil {
		fmt.Fprintf(&b, "detaches %s from %s, in the end by %s\n", e.Detach.Partition, e.Detach.Table, e.Detach.Finish)
	}
	if e.Skip != "" {
		fmt.Fprintf(&b, "skipped: %s\n", e.Skip)
	}
	if e.NoTx != "" {
		word := "alone"
		if e.Ignored {
			word = "ignored in a transaction"
		}
		fmt.Fprintf(&b, "%s: %s\n", word, e.NoTx)
	}
	return b.String()
}

// What is locked, for reading.
func (t Touch) What() string {
	if t.Of != "" {
		return t.Of + " " + t.Table.String()
	}
	return t.Table.String()
}

// String is the touch for reading.
func (t Touch) String() string {
	s := "locks "
	if t.Index {
		s += "index "
	}
	s += t.What() + " " + string(t.Lock)
	switch {
	case t.StopsReads:
		s += ", stops reads and writes"
	case t.StopsWrites:
		s += ", stops writes"
	}
	switch {
	case t.Rewrites:
		s += ", rewrites it"
	case t.Scans:
		s += ", scans it"
	}
	for _, k := range t.Keys {
		s += "; " + k.String()
	}
	return s
}

// String is the keys for reading.
func (k Keys) String() string {
	s := "foreign keys"
	if k.Refer == Dependents {
		return "all that depends on it " + string(k.Lock)
	}
	if k.Constraint != "" {
		s = "foreign key " + k.Constraint
	}
	if k.Column != "" {
		s += " of " + k.Column
	}
	return s + " " + [...]string{"out", "both ways", "in, all the way"}[k.Refer] + " " + string(k.Lock)
}

// String is the loss for reading.
func (l Loss) String() string {
	switch {
	case l.Rows:
		return "all rows of " + l.Table.String()
	case l.Column != "":
		return "column " + l.Table.String() + "." + l.Column
	case l.Table.Name != "":
		return "table " + l.Table.String()
	case l.Table.Schema != "":
		return "everything in " + l.Table.Schema
	}
	return "what it does not name"
}

// String is the object for reading.
func (o Object) String() string {
	s := o.Kind
	if o.Name != (Name{}) {
		s += " " + o.Name.String()
	}
	if o.On != (Name{}) {
		s += " on " + o.On.String()
	}
	return s
}

// String is the constraint for reading.
func (c Constraint) String() string {
	s := strings.TrimSpace(c.Kind + " " + c.Name)
	switch {
	case c.Validates:
		s += " validated"
	case c.Later:
		s += " not validated"
	}
	return strings.TrimSpace(s) + " on " + c.Table.String()
}

// String is the index work for reading.
func (x Index) String() string {
	s := "index built"
	switch {
	case x.Drop:
		s = "index dropped"
	case x.Rebuild:
		s = "index rebuilt"
	}
	if x.Name != (Name{}) {
		s += ": " + x.Name.String()
	}
	if x.Table != (Name{}) {
		s += " on " + x.Table.String()
	}
	if x.Trusting {
		s += ", trusting one of that name"
	}
	return s
}
