package schema

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Format is the number of the snapshot file's form that this build writes. It
// reads this one and older ones.
const Format = 1

// factJSON is a fact as JSON.
type factJSON struct {
	Kind   Kind              `json:"kind"`
	Schema string            `json:"schema,omitempty"`
	On     string            `json:"on,omitempty"`
	Of     Kind              `json:"of,omitempty"`
	Name   string            `json:"name,omitempty"`
	Args   string            `json:"args,omitempty"`
	Order  int               `json:"order,omitempty"`
	Attrs  map[string]string `json:"attrs,omitempty"`
	Needs  []idJSON          `json:"needs,omitempty"`
}

type idJSON struct {
	Kind   Kind   `json:"kind"`
	Schema string `json:"schema,omitempty"`
	On     string `json:"on,omitempty"`
	Name   string `json:"name,omitempty"`
	Args   string `json:"args,omitempty"`
}

// MarshalJSON writes the fact as one object; attributes are sorted.
func (f Fact) MarshalJSON() ([]byte, error) {
	j := factJSON{Kind: f.ID.Kind, Schema: f.ID.Schema, On: f.ID.On, Of: f.Of, Name: f.ID.Name, Args: f.ID.Args, Order: f.Order}
	if len(f.Attrs) > 0 {
		j.Attrs = make(map[string]string, len(f.Attrs))
		for _, a := range f.Attrs {
			j.Attrs[a.Key] = a.Value
		}
	}
	for _, id := range f.Needs {
		j.Needs = append(j.Needs, idJSON(id))
	}
	return marshal(j)
}

// marshal leaves <, > and & as they are: SQL is full of them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Fact) UnmarshalJSON(text []byte) error {
	var j factJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*f = Fact{ID: ID{Kind: j.Kind, Schema: j.Schema, On: j.On, Name: j.Name, Args: j.Args}, Of: j.Of, Order: j.Order}
	for _, key := range slices.Sorted(maps.Keys(j.Attrs)) {
		if j.Attrs[key] != "" {
			f.Attrs = append(f.Attrs, Attr{key, j.Attrs[key]})
		}
	}
	for _, id := range j.Needs {
		f.Needs = append(f.Needs, ID(id))
	}
	return nil
}

// head is the first part of a snapshot file.
type head struct {
	Format     int          `json:"bellows_schema"`
	Dialect    string       `json:"dialect"`
	Version    int          `json:"version"`
	Hash       string       `json:"hash"`
	Unmodelled []Unmodelled `json:"unmodelled,omitempty"`
}

// WriteTo writes the snapshot file: one JSON object, one fact to a line, so
// that two snapshots differ in the lines that differ.
func (s Schema) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: bufio.NewWriter(w)}
	first, err := marshal(head{Format, s.Dialect, s.Version, s.Hash().String(), s.Unmodelled})
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(c, "%s,\n\"facts\":[", first[:len(first)-1])
	for i := range s.facts {
		line, err := s.facts[i].MarshalJSON()
		if err != nil {
			return c.n, err
		}
		if i > 0 {
			fmt.Fprint(c, ",")
		}
		fmt.Fprintf(c, "\n%s", line)
	}
	fmt.Fprint(c, "\n]}\n")
	if c.err != nil {
		return c.n, c.err
	}
	return c.n, c.w.Flush()
}

// counter counts what is written and keeps the first error.
type counter struct {
	w   *bufio.Writer
	n   int64
	err error
}

func (c *counter) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}

// Read reads a snapshot file. It is refused when it was changed by hand so that
// its hash no longer fits, and when a newer build has written it.
func Read(r io.Reader) (Schema, error) {
	var file struct {
		head
		Facts []Fact `json:"facts"`
	}
	if err := json.NewDecoder(r).Decode(&file); err != nil {
		return Schema{}, fmt.Errorf("this is no snapshot of a schema: %w", err)
	}
	switch {
	case file.Format == 0:
		return Schema{}, fmt.Errorf("this is no snapshot of a schema: it has no bellows_schema")
	case file.Format > Format:
		return Schema{}, fmt.Errorf("the snapshot has form %d and this build reads up to %d", file.Format, Format)
	}
	s := New(file.Dialect, file.Version, file.Facts, file.Unmodelled...)
	if got := s.Hash().String(); got != file.Hash {
		return Schema{}, fmt.Errorf("the snapshot was changed after it was written: its hash is %s, not %s", got, file.Hash)
	}
	return s, nil
}
