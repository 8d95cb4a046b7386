package answer

import (
	"errors"
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// Fault is one failure, ready to be shown. Message has no place in it and no
// password; Pos is nil when the place is not known.
type Fault struct {
	Code    fault.Code
	Message string
	Hint    string
	Pos     *fault.Pos
}

// joined is what errors.Join makes.
type joined interface{ Unwrap() []error }

// Faults are the failures that err is made of, in order; nil for nil.
func Faults(err error) []Fault {
	if err == nil {
		return nil
	}
	if j, ok := err.(joined); ok {
		var all []Fault
		for _, e := range j.Unwrap() {
			all = append(all, Faults(e)...)
		}
		return all
	}
	first := look(err)
	first.Message, first.Hint = fault.Redact(first.Message), fault.Redact(first.Hint)
	var e *fault.Error
	if errors.As(err, &e) {
		if j, ok := e.Err.(joined); ok {
			return append([]Fault{first}, Faults(j.(error))...)
		}
	}
	return []Fault{first}
}

// look puts the messages of a chain together and takes the first code, place
// and hint that are set.
func look(err error) Fault {
	var e *fault.Error
	if !errors.As(err, &e) {
		return Fault{Code: fault.CodeOf(err), Message: err.Error()}
	}
	f := lookFault(e)
	if err != error(e) {
		f.Message = strings.Replace(err.Error(), e.Error(), f.Message, 1)
	}
	return f
}

func lookFault(e *fault.Error) Fault {
	f := Fault{Code: e.Code, Message: e.Msg, Hint: e.Hint, Pos: e.Pos}
	if _, ok := e.Err.(joined); e.Err != nil && !ok {
		cause := look(e.Err)
		if f.Pos == nil {
			f.Pos = cause.Pos
		}
		if f.Hint == "" {
			f.Hint = cause.Hint
		}
		if f.Code == fault.Failed {
			f.Code = cause.Code
		}
		f.Message = join(f.Message, cause.Message)
	}
	if e.Op != "" {
		f.Message = join(e.Op, f.Message)
	}
	return f
}

// join is "a: b", without repeating what a says already.
func join(a, b string) string {
	if b == "" || strings.Contains(a, b) {
		return a
	}
	if a == "" {
		return b
	}
	return a + ": " + b
}
