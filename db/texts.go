package db

import "context"

// Texts reads a small result as a whole, every value as text; NULL reads as "".
func Texts(ctx context.Context, c Conn, sql string, args ...any) ([][]string, error) {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all [][]string
	for rows.Next() {
		values := make([]*string, len(rows.Columns()))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		line := make([]string, len(values))
		for i, v := range values {
			if v != nil {
				line[i] = *v
			}
		}
		all = append(all, line)
	}
	return all, rows.Err()
}
