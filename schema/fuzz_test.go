package schema_test

import (
	"bytes"
	"testing"

	"github.com/bellowsdb/bellows/schema"
)

// FuzzRead: whatever is read as a snapshot, is written so that it is read again.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if _, err := posts().WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"bellows_schema":1,"facts":[]}`))
	f.Add([]byte(`{"bellows_schema":1,"hash":"x","facts":[{"kind":"table","attrs":{"a":null}},null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := schema.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if _, err := s.WriteTo(&first); err != nil {
			t.Fatal(err)
		}
		again, err := schema.Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, first.Bytes())
		}
		if _, err := again.WriteTo(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%v\n%s\n%s", err, first.Bytes(), second.Bytes())
		}
	})
}
