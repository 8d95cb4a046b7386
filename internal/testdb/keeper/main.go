// Command keeper is the parent of one throwaway database server.
//
// Charter: carries out one [keep.Job], given as JSON in its only argument.
// Invariant: it ends when the server ends or when nobody uses it any more.
// Example: keeper '{"Users":"/tmp/users","Commands":[["postgres","-D","data"]]}'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/bellowsdb/bellows/internal/testdb/keep"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "keeper:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want one job as JSON, got %d arguments", len(args)-1)
	}
	var job keep.Job
	if err := json.Unmarshal([]byte(args[1]), &job); err != nil {
		return err
	}
	return job.Run()
}
