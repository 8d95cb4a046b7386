package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

// moveSync moves bio of users to profiles.
func moveSync() dialect.Sync {
	text := []dialect.SyncColumn{{Name: "bio", Type: "text"}}
	return dialect.Sync{
		Name: "bellows_3", Revision: "3", Table: plan.Name{Schema: "public", Name: "users"}, Key: []string{"id"}, Old: text, New: text,
		Into:    dialect.Into{Table: plan.Name{Schema: "public", Name: "profiles"}, Key: []string{"user_id"}, Columns: []string{"user_id", "bio"}},
		Columns: []string{"id", "name", "bio"},
		Forward: []dialect.Assignment{{Column: "bio", SQL: "users.bio"}}, Backward: []dialect.Assignment{{Column: "bio", SQL: "bio"}},
		Policy: dialect.Refuse, Writes: "public.writes",
	}
}

func newMove(t *testing.T) *table {
	return newTable(t, moveSync(), "CREATE TABLE users (id int PRIMARY KEY, name text, bio text)", "INSERT INTO users VALUES (1, 'a', 'x'), (2, 'b', 'x')",
		"CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, bio text)")
}

const both = "SELECT id, u.bio, p.bio FROM users u LEFT JOIN profiles p ON user_id = id ORDER BY id"

// An application that may write one table needs no right on the other, and is noted
// by its name.
func TestMoveByAnyRole(t *testing.T) {
	b := newMove(t)
	role := "m" + fmt.Sprint(b.app.Session().PID)
	b.must(b.app, "CREATE ROLE "+role, "REVOKE ALL ON SCHEMA public FROM PUBLIC", "GRANT USAGE ON SCHEMA public TO "+role, "GRANT SELECT, INSERT, UPDATE, DELETE ON users TO "+role)
	t.Cleanup(func() { b.must(b.app, "RESET ROLE", "DROP OWNED BY "+role, "DROP ROLE "+role) })
	b.must(b.app, "SET ROLE "+role, "UPDATE users SET bio = 'y' WHERE id = 1", "INSERT INTO users VALUES (3, 'c', 'z')", "DELETE FROM users WHERE id = 2", "RESET ROLE")
	b.want(both, "1 y y", "3 z z")
	b.want(writes, "old web")
}

// A transaction that saw the rows before another one changed them is told so, or
// writes what follows from both: it never leaves the two tables apart.
func TestMoveWithAnOldSnapshot(t *testing.T) {
	b := newMove(t)
	b.must(b.app, "UPDATE users SET name = 'touched'")
	other := openSync(t, b.url, "api")
	b.must(other, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM users")
	b.must(b.app, "UPDATE users SET bio = 'y' WHERE id = 1")
	if _, err := other.Exec(context.Background(), "UPDATE profiles SET bio = 'x' WHERE user_id = 1"); err == nil || !strings.Contains(err.Error(), "could not serialize") {
		t.Errorf("got %v", err)
	}
	b.must(other, "ROLLBACK", "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM users")
	b.must(b.app, "UPDATE users SET name = 'c' WHERE id = 2")
	b.must(other, "UPDATE profiles SET bio = 'n' WHERE user_id = 1", "COMMIT")
	b.want(both, "1 n n", "2 x x")
}

// Who writes other columns of a row does not meet who writes a side of it. Two that
// write both sides of one row in the same moment do: the server ends one of them, and
// what the other has written stands in both tables.
func TestMoveMeets(t *testing.T) {
	b := newMove(t)
	b.must(b.app, "UPDATE users SET name = 'touched'")
	other := openSync(t, b.url, "api")
	b.must(b.app, "BEGIN", "UPDATE users SET name = 'q' WHERE id = 1")
	done := make(chan error, 1)
	go func() {
		_, err := other.Exec(context.Background(), "SET lock_timeout = 0; UPDATE profiles SET bio = 'n' WHERE user_id = 1")
		done <- err
	}()
	b.must(b.app, "UPDATE users SET name = 'r' WHERE id = 1", "UPDATE users SET name = 'r' WHERE id = 2", "COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.want(both, "1 n n", "2 x x")

	b.must(b.app, "SET lock_timeout = 0", "BEGIN", "SELECT 1 FROM users WHERE id = 1 FOR NO KEY UPDATE")
	go func() {
		_, err := other.Exec(context.Background(), "UPDATE profiles SET bio = 'm' WHERE user_id = 1")
		done <- err
	}()
	watch := openSync(t, b.url, "watch")
	for waits := false; !waits; {
		rows, err := watch.Query(context.Background(), fmt.Sprintf("SELECT 1 FROM pg_stat_activity WHERE pid = %d AND wait_event_type = 'Lock'", other.Session().PID))
		if err != nil {
			t.Fatal(err)
		}
		waits = rows.Next()
		rows.Close()
	}
	_, mine := b.app.Exec(context.Background(), "UPDATE users SET bio = 'o' WHERE id = 1")
	end := "COMMIT"
	if mine != nil { // the server may end either
		end = "ROLLBACK"
	}
	b.must(b.app, end)
	yours := <-done
	if (mine == nil) == (yours == nil) {
		t.Errorf("one of them is to be ended: %v, %v", mine, yours)
	}
	for _, err := range []error{mine, yours} {
		if err != nil && !strings.Contains(err.Error(), "deadlock") {
			t.Error(err)
		}
	}
	want := "1 o o"
	if mine != nil {
		want = "1 m m"
	}
	b.want(both, want, "2 x x")
}
