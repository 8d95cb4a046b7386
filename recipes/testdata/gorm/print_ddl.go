// Prints the SQL that makes the tables of all models; it needs no database.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// printer prints each statement instead of logging it.
type printer struct{ logger.Interface }

func (printer) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	sql, _ := statement()
	fmt.Println(sql + ";")
}

func main() {
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: &sql.DB{}}),
		&gorm.Config{DryRun: true, DisableAutomaticPing: true, Logger: printer{logger.Discard}})
	if err == nil {
		err = db.Migrator().CreateTable(&Author{}, &Post{})
	}
	if err != nil {
		panic(err)
	}
}
