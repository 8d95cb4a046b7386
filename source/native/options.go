package native

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// options are what stands behind a section's directive.
type options struct {
	section      revision.Section
	fill         revision.FillSpec
	quiet        time.Duration
	old, new     []string
	into         string
	by           []revision.Pair
	bare         *string // the quoted text
	irreversible bool
	rest         map[string]string // of a change: what has no field of its own
	seen         []string
	broken       bool // part of the line could not be read, and that was said
}

func (o *options) has(key string) bool { return slices.Contains(o.seen, key) }

// arg is one key:value, word or "quoted text" of a directive line.
type arg struct {
	key, value  string
	at, valueAt int
	keyed, text bool
}

// options reads the arguments of a section's directive.
func (d *document) options(m *mark) options {
	var o options
	for at := m.args; ; {
		for at < m.end && (d.text[at] == ' ' || d.text[at] == '\t') {
			at++
		}
		if at >= m.end {
			return o
		}
		a, next, ok := d.arg(at, m.end)
		if !ok || !d.option(m, &o, a) {
			o.broken = true
			return o
		}
		at = next
	}
}

// arg reads the argument at an offset and gives the offset behind it.
func (d *document) arg(at, end int) (a arg, next int, ok bool) {
	a = arg{at: at, valueAt: at}
	i := at
	for i < end && !strings.ContainsRune(" \t:\"", rune(d.text[i])) {
		i++
	}
	a.key = string(d.text[at:i])
	if i < end && d.text[i] == ':' {
		a.keyed = true
		i++
		a.valueAt = i
	}
	if i < end && d.text[i] == '"' {
		if !a.keyed && i > at {
			d.fail(i, "a quote in the middle of a word").Try("put a blank before the quoted text")
			return a, i, false
		}
		value, next, ok := d.quoted(i, end)
		a.value, a.text = value, true
		return a, next, ok
	}
	if a.keyed {
		for i < end && d.text[i] != ' ' && d.text[i] != '\t' {
			i++
		}
		a.value = string(d.text[a.valueAt:i])
	}
	return a, i, true
}

// quoted reads a text in double quotes, in which \" is a quote and \\ a
// backslash.
func (d *document) quoted(at, end int) (value string, next int, ok bool) {
	var b strings.Builder
	for i := at + 1; i < end; i++ {
		switch c := d.text[i]; {
		case c == '\\' && i+1 < end && (d.text[i+1] == '"' || d.text[i+1] == '\\'):
			i++
			b.WriteByte(d.text[i])
		case c == '"' && i+1 < end && d.text[i+1] != ' ' && d.text[i+1] != '\t':
			d.fail(i+1, "there is no blank behind the quoted text").Try("a quote inside the text is written \\\"")
			return "", end, false
		case c == '"':
			return b.String(), i + 1, true
		default:
			b.WriteByte(c)
		}
	}
	d.fail(at, "this quote is not closed").Try("close it on the same line; a quote inside the text is written \\\"")
	return "", end, false
}

// option puts one argument into o. false: the rest of the line makes no sense.
func (d *document) option(m *mark, o *options, a arg) bool {
	f := m.form
	switch {
	case a.text && !a.keyed:
		if f.bare == "" {
			d.fail(a.at, "%s takes no text", f.word).Try("%s", takes(f))
		} else if o.bare != nil {
			d.fail(a.at, "%s has two texts", f.word).Try("join them into one")
		}
		o.bare = &a.value
	case !a.keyed && a.key == "irreversible" && f.word == "down":
		o.irreversible = true
	case !a.keyed && slices.Contains(f.options, a.key):
		d.fail(a.at, "option %s has no value", a.key).Try("write %s:VALUE, without blanks", a.key)
		return false
	case !slices.Contains(f.options, a.key):
		problem := d.fail(a.at, "%s has no option %q", f.word, a.key)
		if near := fault.Nearest(a.key, f.options); near != "" {
			problem.Try("did you mean %s:%s?", near, pick(a.value == "", "VALUE", short(a.value)))
		} else {
			problem.Try("%s", takes(f))
		}
		return a.keyed
	case o.has(a.key):
		d.fail(a.at, "option %s is given twice", a.key).Try("keep one of them")
	case a.value == "":
		o.seen = append(o.seen, a.key)
		d.fail(a.valueAt, "option %s has no value", a.key).Try("write %s:VALUE, without blanks", a.key)
		return false
	default:
		o.seen = append(o.seen, a.key)
		d.set(f, o, a)
	}
	return true
}

func takes(f *form) string {
	if len(f.options) == 0 {
		return "nothing stands behind " + f.word + "; a note goes on a line of its own"
	}
	return f.word + " takes " + either(f.options) + "; a note goes on a line of its own"
}

// set stores one known option.
func (d *document) set(f *form, o *options, a arg) {
	switch a.key {
	case "transaction":
		if d.truth(a) == "false" {
			o.section.Tx = revision.TxEach
		}
	case "mixed":
		o.section.Mixed = d.truth(a) == "true"
	case "lock_timeout":
		o.section.LockTimeout = d.span(a, time.Millisecond)
	case "statement_timeout":
		o.section.StatementTimeout = d.span(a, time.Millisecond)
	case "quiet":
		o.quiet = d.span(a, time.Millisecond)
	case "table":
		o.fill.Table = a.value
	case "program":
		o.fill.Program = a.value
	case "program_timeout":
		o.fill.ProgramTimeout = d.span(a, time.Millisecond)
	case "function":
		o.fill.Function = a.value
	case "old":
		o.old = d.names(a)
	case "new":
		o.new = d.names(a)
	case "into":
		o.into = a.value
	case "by":
		o.by = d.pairs(a)
	case "key":
		o.fill.Key = d.names(a)
	case "rows":
		o.fill.Rows = d.number(a, 1)
	case "workers":
		o.fill.Workers = d.number(a, 1)
	case "poison":
		o.fill.Poison = d.number(a, 0)
	case "target":
		o.fill.Target = d.span(a, time.Millisecond)
	case "pause":
		o.fill.Pause = d.span(a, 0)
	case "retention":
		d.span(a, time.Millisecond)
	case "form":
		if a.value != "key" {
			d.fail(a.valueAt, "there is no form %q that a file must name", a.value).Try("write form:key, for a key that counts by itself; other forms need no word here")
			return
		}
	default:
		d.limit(o, a)
	}
	if f.opens == revision.Change && !slices.Contains([]string{"table", "old", "new", "into", "by"}, a.key) {
		if o.rest == nil {
			o.rest = map[string]string{}
		}
		o.rest[a.key] = a.value
	}
}

// limit is one of what holds a backfill back.
func (d *document) limit(o *options, a arg) {
	if wrong, hint := limit.Check(a.key, a.value); wrong != "" {
		d.fail(a.valueAt, "option %s %s, not %q", a.key, wrong, a.value).Try("%s", hint)
		return
	}
	if o.fill.Limits == nil {
		o.fill.Limits = map[string]string{}
	}
	o.fill.Limits[a.key] = a.value
}

// truth is "true" or "false", "" when it is neither.
func (d *document) truth(a arg) string {
	if a.value == "true" || a.value == "false" {
		return a.value
	}
	d.fail(a.valueAt, "option %s is true or false, not %q", a.key, a.value).Try("write %s:true or %s:false", a.key, a.key)
	return ""
}

// number is a whole number of at least least.
func (d *document) number(a arg, least int) int {
	n, err := strconv.Atoi(a.value)
	if err != nil || n < least || n > 1<<30 {
		d.fail(a.valueAt, "option %s is a whole number of at least %d, not %q", a.key, least, a.value).
			Try("write for example %s:%d", a.key, least+1)
		return 0
	}
	return n
}

// span is a duration of at least least.
func (d *document) span(a arg, least time.Duration) time.Duration {
	v, err := Duration(a.value)
	switch {
	case err != nil && strings.Trim(a.value, "0123456789.") == "":
		d.fail(a.valueAt, "option %s has no unit", a.key).Try("write %s:%sms or %s:%ss", a.key, a.value, a.key, a.value)
	case err != nil:
		d.fail(a.valueAt, "option %s is a duration, not %q", a.key, a.value).Try("write for example %s:500ms, %s:2s or %s:5m", a.key, a.key, a.key)
	case v < least:
		d.fail(a.valueAt, "option %s is at least %v, not %q", a.key, least, a.value).Try("leave it out for the configured one")
	default:
		return v
	}
	return 0
}

// Duration reads a duration as files spell it: Go's form
// ("500ms", "1h30m"), and whole days ("30d").
func Duration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// pairs is a list of columns of the other table, each with the column of the table
// that it is equal to where that has another name: user_id=id.
func (d *document) pairs(a arg) []revision.Pair {
	var all []revision.Pair
	for _, text := range d.names(a) {
		p := revision.Pair{There: text, Here: text}
		if there, here, ok := strings.Cut(text, "="); ok {
			p = revision.Pair{There: strings.TrimSpace(there), Here: strings.TrimSpace(here)}
		}
		if p.There == "" || p.Here == "" || strings.Contains(p.Here, "=") {
			d.fail(a.valueAt, "option by is a list of pairs of columns, not %q", text).Try("write by:user_id=id: a column of the other table and one of this")
			return nil
		}
		all = append(all, p)
	}
	return all
}

// names is a comma-separated list of columns.
func (d *document) names(a arg) []string {
	all := strings.Split(a.value, ",")
	for i, name := range all {
		all[i] = strings.TrimSpace(name)
		switch {
		case all[i] == "":
			d.fail(a.valueAt, "option %s has an empty name", a.key).Try("separate column names by one comma each, without blanks")
		case slices.Contains(all[:i], all[i]):
			d.fail(a.valueAt, "option %s names %s twice", a.key, all[i]).Try("name each column once")
		}
	}
	return all
}
