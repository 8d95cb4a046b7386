package limit

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Windows are the times of a week at which work is allowed. The zero value is
// all of it.
type Windows struct {
	Zone  *time.Location
	spans []hours
}

// hours is a span that begins on some days of the week; its end may be on the
// day after. Both are minutes since midnight by the clock on the wall.
type hours struct {
	days       [7]bool // from Sunday, as time.Weekday counts
	begin, end int
}

// All tells that there is no time at which work is not allowed.
func (w Windows) All() bool { return len(w.spans) == 0 }

// Open tells whether work is allowed at a moment, and when it next is.
func (w Windows) Open(at time.Time) (open bool, next time.Time) {
	if w.All() {
		return true, at
	}
	at = at.In(w.Zone)
	for day := -1; day <= 8; day++ {
		for _, h := range w.spans {
			begin, end, ok := h.on(at, day)
			switch {
			case !ok || !end.After(at):
			case !begin.After(at):
				return true, at
			case next.IsZero() || begin.Before(next):
				next = begin
			}
		}
	}
	return false, next
}

// on is the span that begins so many days after a moment's; ok is false on a day
// on which none begins. A clock that is put forward makes it shorter.
func (h hours) on(at time.Time, day int) (begin, end time.Time, ok bool) {
	y, m, d := at.Date()
	at12 := time.Date(y, m, d+day, 12, 0, 0, 0, at.Location()) // noon is on every day
	if !h.days[at12.Weekday()] {
		return begin, end, false
	}
	y, m, d = at12.Date()
	last := d
	if h.end <= h.begin {
		last++
	}
	begin = time.Date(y, m, d, h.begin/60, h.begin%60, 0, 0, at.Location())
	end = time.Date(y, m, last, h.end/60, h.end%60, 0, 0, at.Location())
	return begin, end, begin.Before(end)
}

const windowsHint = `write for example "22:00-06:00 Europe/Berlin", or "Mon-Fri 20:00-06:00, Sat-Sun 00:00-24:00"; the zone is UTC when none is said`

// readWindows reads spans with commas between, and a time zone behind them.
func readWindows(value string) (w Windows, wrong, hint string) {
	w.Zone = time.UTC
	value = strings.TrimSpace(value)
	if i := strings.LastIndexByte(value, ' '); i > 0 && !strings.Contains(value[i:], ":") {
		zone, err := time.LoadLocation(value[i+1:])
		if err != nil || value[i+1:] == "" || value[i+1:] == "Local" {
			return w, "names no time zone with " + strconv.Quote(value[i+1:]), "write one as the IANA database does, such as Europe/Berlin, or none for UTC"
		}
		w.Zone, value = zone, strings.TrimSpace(value[:i])
	}
	for part := range strings.SplitSeq(value, ",") {
		h, ok := readHours(strings.TrimSpace(part))
		if !ok {
			return w, "is a list of times", windowsHint
		}
		w.spans = append(w.spans, h)
	}
	return w, "", ""
}

// readHours reads "22:00-06:00", with days before it or without.
func readHours(text string) (h hours, ok bool) {
	days, times, named := strings.Cut(text, " ")
	if !named {
		days, times = "", text
	}
	if h.days, ok = readDays(days); !ok {
		return h, false
	}
	begin, end, ok := strings.Cut(strings.TrimSpace(times), "-")
	if !ok {
		return h, false
	}
	var ok2 bool
	h.begin, ok = clock(begin)
	h.end, ok2 = clock(end)
	return h, ok && ok2 && h.begin < 24*60 && h.begin != h.end
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// readDays reads "Mon-Fri" or "Sat"; every day with "".
func readDays(text string) (days [7]bool, ok bool) {
	if text == "" {
		return [7]bool{true, true, true, true, true, true, true}, true
	}
	first, last, several := strings.Cut(strings.ToLower(text), "-")
	if !several {
		last = first
	}
	from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
	if from < 0 || to < 0 {
		return days, false
	}
	for i := from; ; i = (i + 1) % 7 {
		days[i] = true
		if i == to {
			return days, true
		}
	}
}

// clock reads a time of the day as minutes; 24:00 is its end.
func clock(text string) (int, bool) {
	hour, minute, ok := strings.Cut(text, ":")
	h, err := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	return h*60 + m, ok && err == nil && err2 == nil && len(minute) == 2 && h >= 0 && m >= 0 && m < 60 && h*60+m <= 24*60
}
