package revision

import "strings"

// nearest finds the candidate that is the least edits away from word, at most one
// for each three of its letters; the first of equals, "" when none is near.
func nearest(word string, candidates func(yield func(string) bool)) string {
	best, limit := "", len(word)/3
	word = strings.ToLower(word)
	var rows [3][]int
	for c := range candidates {
		if diff := len(c) - len(word); diff > limit || -diff > limit {
			continue
		}
		d := distance(word, strings.ToLower(c), &rows)
		if d > limit || best != "" && d == limit {
			continue
		}
		if best, limit = c, d; d == 0 {
			break
		}
	}
	return best
}

// distance counts the edits (insert, delete, replace, swap of neighbours) from a
// to b. rows is scratch space, kept between calls.
func distance(a, b string, rows *[3][]int) int {
	for i := range rows {
		if cap(rows[i]) < len(b)+1 {
			rows[i] = make([]int, len(b)+1)
		}
		rows[i] = rows[i][:len(b)+1]
	}
	before, above, row := rows[0], rows[1], rows[2]
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
