package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Hash is 128 bits that stand for a value.
type Hash [16]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Payload is the hash of what a fact says, without its name: two facts that
// differ in name only have the same.
func (f *Fact) Payload() Hash {
	d := sha256.New()
	put(d, string(f.ID.Kind))
	for _, a := range f.Attrs {
		put(d, a.Key)
		put(d, a.Value)
	}
	return sum(d)
}

// Hash is the hash of all facts, names included: the fingerprint of a shape.
// The order of columns, the needs and the server's version are no part of it.
func (s Schema) Hash() Hash {
	d := sha256.New()
	put(d, s.Dialect)
	for i := range s.facts {
		f := &s.facts[i]
		putID(d, f.ID)
		p := f.Payload()
		d.Write(p[:])
	}
	return sum(d)
}

// RollUps are, for each object that is no part of another table, view, domain
// or type, the hash of it and of all that lives on it. The object's own name is
// no part of its hash, so a renamed table keeps it as long as nothing else in
// it changed; the names of its columns are.
func (s Schema) RollUps() map[ID]Hash {
	digests := map[ID]hash.Hash{}
	of := func(id ID) hash.Hash {
		d := digests[id]
		if d == nil {
			d = sha256.New()
			digests[id] = d
		}
		return d
	}
	for i := range s.facts {
		f := &s.facts[i]
		id, p := f.ID, f.Payload()
		if id.On == "" {
			of(id).Write(p[:])
			continue
		}
		d := of(ID{Kind: f.Of, Schema: id.Schema, Name: id.On})
		put(d, string(id.Kind))
		if id.Kind == Column || id.Kind == Default {
			put(d, id.Name)
		}
		d.Write(p[:])
	}
	rolled := make(map[ID]Hash, len(digests))
	for id, d := range digests {
		rolled[id] = sum(d)
	}
	return rolled
}

// put writes a text with its length in front, so that no two lists of texts
// give the same bytes.
func put(d hash.Hash, text string) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(text)))
	d.Write(n[:])
	d.Write([]byte(text))
}

func putID(d hash.Hash, id ID) {
	for _, part := range [...]string{string(id.Kind), id.Schema, id.On, id.Name, id.Args} {
		put(d, part)
	}
}

func sum(d hash.Hash) Hash {
	var h Hash
	copy(h[:], d.Sum(nil))
	return h
}
