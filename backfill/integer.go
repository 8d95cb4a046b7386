package backfill

import (
	"fmt"
	"math/big"
)

// Distance is how far an integer lies above another, both as a server spells
// them. Keys are of 64 bits, with or without a sign, so every distance between
// two of them has room in the result; values of different kinds may not.
func Distance(least, most string) (uint64, error) {
	from, err := integer(least)
	if err != nil {
		return 0, err
	}
	to, err := integer(most)
	if err != nil {
		return 0, err
	}
	if to.Sub(to, from); !to.IsUint64() {
		return 0, fmt.Errorf("%s is not less than 2^64 above %s", most, least)
	}
	return to.Uint64(), nil
}

// Add is the integer that lies so far above another.
func Add(n string, by uint64) (string, error) {
	from, err := integer(n)
	if err != nil {
		return "", err
	}
	return from.Add(from, new(big.Int).SetUint64(by)).String(), nil
}

func integer(text string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, fmt.Errorf("%q is no integer", text)
	}
	return n, nil
}
