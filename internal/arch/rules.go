package arch

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// imports keeps the waterline and the order of the rooms.
func (f *file) imports(module string, room Room) []Violation {
	if room.Kind == Tests {
		return nil
	}
	var found []Violation
	for _, spec := range f.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it
		}
		if spec.Name != nil && spec.Name.Name == "." {
			found = append(found, f.broken(spec.Pos(), "import", "import it by name", "a dot import hides where a word comes from"))
		}
		first, _, _ := strings.Cut(name, "/")
		ours, isOurs := strings.CutPrefix(name+"/", module+"/")
		switch {
		case isOurs:
			if ours = strings.TrimSuffix(ours, "/"); ours == "" {
				ours = "."
			}
			if !room.may(ours) {
				found = append(found, f.broken(spec.Pos(), "import", "move what needs it to a room that may, or pass the value in",
					"%s may not import the room %s", room.Path, ours))
			}
		case strings.Contains(first, "."):
			if !slices.ContainsFunc(room.Outside, func(beginning string) bool { return strings.HasPrefix(name, beginning) }) {
				found = append(found, f.broken(spec.Pos(), "import", "do without, or give the room that module in internal/arch/rooms.go",
					"%s may not import %s", room.Path, name))
			}
		default:
			found = append(found, f.standard(spec, name, room)...)
		}
	}
	return found
}

func (r Room) may(ours string) bool {
	return slices.Contains(r.May, ours) || slices.Contains(r.May, "*")
}

// standard is about packages of the standard library.
func (f *file) standard(spec *ast.ImportSpec, name string, room Room) []Violation {
	switch {
	case name == "C":
		return []Violation{f.broken(spec.Pos(), "import", "do without cgo", "the program is one static binary")}
	case room.Kind == Dry && below(name, drought) && !below(name, springs):
		return []Violation{f.broken(spec.Pos(), "import", "pass the value in, or move the code to a wet room",
			"%s is dry and may not import %s, which touches the world", room.Path, name)}
	case slices.Contains(templates, name) && !strings.HasPrefix(room.Path, "examples/"):
		return []Violation{f.broken(spec.Pos(), "import", "see source/native/template.go",
			"%s finds methods by their names, for which the linker keeps those of every type in the program", name)}
	case below(name, []string{"math/rand", "crypto/rand"}) && !room.Clock:
		return []Violation{f.broken(spec.Pos(), "chance", "pass the value in", "%s may not use chance", room.Path)}
	case below(name, []string{"log"}) && room.Kind != Edge:
		return []Violation{f.broken(spec.Pos(), "print", "return an error or send an event", "only cmd prints")}
	}
	return nil
}

func below(name string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return name == root || strings.HasPrefix(name, root+"/") })
}

// called gives what the file calls a package it imports; "" when it does not.
func (f *file) called(importPath string) string {
	for _, spec := range f.syntax.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err != nil || name != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// uses calls do for each use of a package's exported name.
func (f *file) uses(importPath string, do func(use *ast.SelectorExpr)) {
	name := f.called(importPath)
	if name == "" {
		return
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if use, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := use.X.(*ast.Ident); ok && id.Name == name {
				do(use)
			}
		}
		return true
	})
}

var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// clock keeps time out of the rooms that must give the same answer tomorrow.
func (f *file) clock(room Room) (found []Violation) {
	if room.Clock || room.Kind == Tests {
		return nil
	}
	f.uses("time", func(use *ast.SelectorExpr) {
		if slices.Contains(clocks, use.Sel.Name) {
			found = append(found, f.broken(use.Pos(), "clock", "take the time as a parameter",
				"%s may not read the clock, here with time.%s", room.Path, use.Sel.Name))
		}
	})
	return found
}

var (
	surroundings = []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Exit", "Args", "Stdin"}
	prints       = []string{"Print", "Printf", "Println"}
	outputs      = []string{"Stdout", "Stderr"}
)

// surroundings keeps the environment, printing and exiting in cmd.
func (f *file) surroundings(room Room) (found []Violation) {
	if room.Kind == Edge || room.Kind == Tests {
		return nil
	}
	printed := func(at ast.Node, what string) {
		found = append(found, f.broken(at.Pos(), "print", "return a value or an error, or send an event", "only cmd prints, and this is %s", what))
	}
	f.uses("os", func(use *ast.SelectorExpr) {
		switch {
		case slices.Contains(surroundings, use.Sel.Name):
			found = append(found, f.broken(use.Pos(), "environment", "take the value as an option, return an error",
				"only cmd may use os.%s", use.Sel.Name))
		case slices.Contains(outputs, use.Sel.Name):
			printed(use, "os."+use.Sel.Name)
		}
	})
	f.uses("fmt", func(use *ast.SelectorExpr) {
		if slices.Contains(prints, use.Sel.Name) {
			printed(use, "fmt."+use.Sel.Name)
		}
	})
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && (id.Name == "print" || id.Name == "println") {
				printed(call, id.Name)
			}
		}
		return true
	})
	return found
}

var databases = []string{"postgres", "mysql", "mariadb", "sqlite", "pgx"}

// names keeps what is known of one database in the rooms of that database.
func (f *file) names(room Room) (found []Violation) {
	if room.Names || room.Kind == Tests {
		return nil
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if _, ok := n.(*ast.ImportSpec); ok {
			return false
		}
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		for _, name := range databases {
			if strings.Contains(strings.ToLower(lit.Value), name) {
				found = append(found, f.broken(lit.Pos(), "name", "ask the dialect or the driver, or make it a fact in dialect.Traits",
					"%s may not know databases by name, and this string holds %q", room.Path, name))
				break
			}
		}
		return true
	})
	return found
}

// assertions forbids asking a value for methods that no named interface has.
func (f *file) assertions(Room) (found []Violation) {
	anonymous := func(e ast.Expr) {
		if _, ok := e.(*ast.InterfaceType); ok {
			found = append(found, f.broken(e.Pos(), "assertion", "name the interface and say in its comment who has it",
				"an assertion to an interface without a name is a door nobody can find"))
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeAssertExpr:
			anonymous(n.Type)
		case *ast.TypeSwitchStmt:
			for _, clause := range n.Body.List {
				for _, e := range clause.(*ast.CaseClause).List {
					anonymous(e)
				}
			}
		}
		return true
	})
	return found
}
