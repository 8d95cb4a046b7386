package fill_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

func poisons(n int) func(*revision.Script) {
	return spec(func(s *revision.FillSpec) { s.Poison = n })
}

// TestVerdictOfAnotherRange: a chunk that failed, and that another process has cut
// or done before it could be looked into, says nothing of the row that is left of it.
func TestVerdictOfAnotherRange(t *testing.T) {
	for _, e := range engines() {
		for point, search := range map[string]int64{"split committed": 1, "search committed": 0} {
			t.Run(e.name+"/"+point, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 10)
				do(t, url, "UPDATE posts SET a = 1000 WHERE id = 7")
				f := planned(t, url, script(double, poisons(9)), options(url))
				strict(t, e, url)
				failed, cut, looked := make(chan struct{}), make(chan struct{}), make(chan struct{})
				var first, second, third sync.Once
				slow, quick := options(url), options(url)
				slow.Process, slow.Search, quick.Search = "slow", search, search
				slow.Point = func(name string) {
					switch name {
					case "rolled back":
						first.Do(func() { close(failed); <-cut })
					case "begun": // it is done with the chunk that had failed
						select {
						case <-cut:
							third.Do(func() { close(looked) })
						default:
						}
					}
				}
				quick.Point = func(name string) {
					if name == point {
						second.Do(func() { close(cut); <-looked })
					}
				}
				ended := make(chan error, 1)
				go func() {
					_, err := fill.Work(context.Background(), f.ID, slow)
					third.Do(func() { close(looked) })
					ended <- err
				}()
				<-failed
				_, err := fill.Work(context.Background(), f.ID, quick)
				second.Do(func() { close(cut) })
				for _, err := range []error{err, <-ended} {
					if fault.CodeOf(err) != fault.Repair || !strings.Contains(err.Error(), "1 row is set aside") {
						t.Errorf("%v", err)
					}
				}
				e.onlySeventh(t, url, f.ID, 9)
			})
		}
	}
}

// onlySeventh demands that the row 7 is set aside and none but it, and that so many
// were changed.
func (e engine) onlySeventh(t *testing.T, url, id string, right int64) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	list, err := fill.Poison(context.Background(), c, id, options(url))
	if err != nil || len(list) != 1 || list[0].Key.String() != `["7"]` {
		t.Errorf("set aside are %+v, %v", list, err)
	}
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != right {
		t.Errorf("%d rows are right, want %d", n, right)
	}
}

// TestVerdictOfRowsThatWent: when the bad row is deleted before it could be looked
// for, neither the one that is left is at fault, nor anything where none is left.
func TestVerdictOfRowsThatWent(t *testing.T) {
	for _, e := range engines() {
		for _, rows := range []int{1, 2} {
			t.Run(fmt.Sprint(e.name, rows), func(t *testing.T) {
				t.Parallel()
				url := e.place(t, rows)
				do(t, url, fmt.Sprintf("UPDATE posts SET a = 1000 WHERE id = %d", rows))
				o := options(url)
				f := planned(t, url, script(double, poisons(9)), o)
				strict(t, e, url)
				var once sync.Once
				o.Point = func(name string) {
					if name == "rolled back" {
						once.Do(func() { do(t, url, "DELETE FROM posts WHERE a = 1000") })
					}
				}
				if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
					t.Error(err)
				}
				if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != int64(rows-1) {
					t.Errorf("%d rows are right, want %d", n, rows-1)
				}
			})
		}
	}
}

// passing are errors that are not a row's fault, by the code that a statement can
// be made to fail with.
var passing = map[string][]string{
	"mariadb":  {"1020", "1028", "1037", "1038", "1040", "1041", "1053", "1205", "1206", "1213", "1290", "1317", "1412", "1614", "1792", "1927", "1969", "2006", "2013", "3024", "3572"},
	"postgres": {"08000", "08006", "25006", "40001", "40P01", "53200", "53300", "54000", "55P03", "57014", "57P01"},
}

// failing makes the first change of each row fail with a code of its own. What
// counts the changes must outlive the transaction that is rolled back.
func failing(e engine, codes []string) []string {
	if e.name == "mariadb" {
		sqls := []string{"CREATE TABLE failing (id int PRIMARY KEY, code int, n int) ENGINE=MyISAM"}
		for i, code := range codes {
			sqls = append(sqls, fmt.Sprintf("INSERT INTO failing VALUES (%d, %s, 1)", i+1, code))
		}
		return append(sqls, "CREATE TRIGGER fails BEFORE UPDATE ON posts FOR EACH ROW BEGIN DECLARE c int DEFAULT NULL; SELECT code INTO c FROM failing WHERE id = NEW.id AND n > 0; "+
			"IF c IS NOT NULL THEN UPDATE failing SET n = 0 WHERE id = NEW.id; SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = c, MESSAGE_TEXT = 'it passes'; END IF; END")
	}
	var sqls []string
	for i := range codes {
		sqls = append(sqls, fmt.Sprintf("CREATE SEQUENCE fails_%d", i+1))
	}
	return append(sqls, "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('fails_' || NEW.id) = 1 THEN "+
		"RAISE EXCEPTION 'it passes' USING ERRCODE = ('{"+strings.Join(codes, ",")+"}'::text[])[NEW.id]; END IF; RETURN NEW; END $$",
		"CREATE TRIGGER fails BEFORE UPDATE OF b ON posts FOR EACH ROW EXECUTE FUNCTION fails()")
}

// TestWhatPassesIsNoRowsFault: a row for which the server once gives an error that
// has nothing to do with it is changed, and not set aside.
func TestWhatPassesIsNoRowsFault(t *testing.T) {
	for _, e := range engines() {
		codes := passing[e.name]
		if codes == nil {
			continue // a statement on SQLite cannot be made to fail with another code than that of a constraint; see TestLocked
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, len(codes))
			o := options(url)
			rec := &recorder{}
			o.Sink = rec
			f := planned(t, url, script(double, poisons(99), spec(func(s *revision.FillSpec) { s.Rows = 1 })), o)
			do(t, url, failing(e, codes)...)
			if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
				t.Errorf("%v; set aside are %+v", err, of[event.FillPoison](rec))
			}
			once(t, url, int64(len(codes)))
		})
	}
}
