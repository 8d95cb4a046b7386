package testdb

// InstalledPostgres are the major versions of the PostgreSQL servers that are
// found on this machine, the preferred one first.
func InstalledPostgres() []int {
	var majors []int
	for _, in := range postgresInstalls() {
		majors = append(majors, in.major)
	}
	return majors
}

// InstalledMariaDB tells whether a MariaDB server is found on this machine.
func InstalledMariaDB() bool {
	_, err := mariadbRecipe()
	return err == nil
}
