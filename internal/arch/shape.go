package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

const (
	mostLines   = 80
	mostMethods = 7
)

// comment wants each package to say on its door what it is.
func (d *folder) comment(room Room) []Violation {
	var first *file
	for _, f := range d.files {
		if f.test {
			continue
		}
		if first == nil {
			first = f
		}
		if f.syntax.Doc != nil {
			return f.door(room)
		}
	}
	if first == nil {
		return nil // tests only
	}
	return []Violation{first.broken(first.syntax.Package, "comment", "write one: its charter, one invariant, one example", "the package has no comment")}
}

func (f *file) door(room Room) (found []Violation) {
	if strings.HasPrefix(room.Path, "examples/") {
		return nil // an example is its own
	}
	text := f.syntax.Doc.Text()
	for _, word := range []string{"Charter:", "Invariant:", "Example:"} {
		if !strings.Contains(text, word) {
			found = append(found, f.broken(f.syntax.Doc.Pos(), "comment", "add a line that begins with "+word,
				"the package comment has no %s", strings.TrimSuffix(word, ":")))
		}
	}
	return found
}

// declarations looks at what the file declares at its top level.
func (f *file) declarations(Room) (found []Violation) {
	for _, decl := range f.syntax.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			found = append(found, f.function(decl)...)
		case *ast.GenDecl:
			found = append(found, f.general(decl)...)
		}
	}
	return found
}

func (f *file) function(fn *ast.FuncDecl) (found []Violation) {
	if fn.Recv == nil && fn.Name.Name == "init" {
		found = append(found, f.broken(fn.Pos(), "init", "write a function and call it", "init runs where nobody called it"))
	}
	if lines := f.line(fn.End()) - f.line(fn.Pos()) + 1; lines > mostLines {
		found = append(found, f.broken(fn.Pos(), "length", "give its parts names", "%s has %d lines, more than %d", fn.Name.Name, lines, mostLines))
	}
	if fn.Name.IsExported() && receiverExported(fn.Recv) {
		found = append(found, f.bools(fn.Name.Name, fn.Type)...)
	}
	return found
}

func (f *file) general(decl *ast.GenDecl) (found []Violation) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if decl.Tok == token.VAR && name.IsExported() {
					found = append(found, f.broken(name.Pos(), "variable", "make it a constant, or a function that gives the value",
						"%s is exported and anybody can change it", name.Name))
				}
			}
		case *ast.TypeSpec:
			face, ok := spec.Type.(*ast.InterfaceType)
			if !ok || !spec.Name.IsExported() {
				continue
			}
			for _, m := range face.Methods.List {
				if fn, ok := m.Type.(*ast.FuncType); ok && m.Names[0].IsExported() {
					found = append(found, f.bools(spec.Name.Name+"."+m.Names[0].Name, fn)...)
				}
			}
		}
	}
	return found
}

// bools finds parameters that say nothing where the function is called.
func (f *file) bools(name string, fn *ast.FuncType) (found []Violation) {
	for _, p := range fn.Params.List {
		kind := p.Type
		if many, ok := kind.(*ast.Ellipsis); ok {
			kind = many.Elt
		}
		if id, ok := kind.(*ast.Ident); ok && id.Name == "bool" {
			found = append(found, f.broken(p.Pos(), "bool", "make two functions, a type with two named values, or a field of an options struct",
				"%s takes a bool, and its callers will say only true or false", name))
		}
	}
	return found
}

// receiverExported tells whether others can call the method; true for a function.
func receiverExported(recv *ast.FieldList) bool {
	if recv == nil || len(recv.List) == 0 {
		return true
	}
	kind := recv.List[0].Type
	for {
		switch t := kind.(type) {
		case *ast.StarExpr:
			kind = t.X
		case *ast.IndexExpr:
			kind = t.X
		case *ast.IndexListExpr:
			kind = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}

// interfaces keeps them small. What they embed from the same folder is counted.
func (f *file) interfaces(d *folder) (found []Violation) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		face, ok := n.(*ast.InterfaceType)
		if !ok {
			return true
		}
		if count := d.methods(face, nil); count > mostMethods {
			found = append(found, f.broken(face.Pos(), "interface", "split it by who uses what",
				"the interface has %d methods, more than %d", count, mostMethods))
		}
		return true
	})
	return found
}

// methods counts an interface's methods. An embedded interface of another package
// counts as one.
func (d *folder) methods(face *ast.InterfaceType, seen []string) int {
	count := 0
	for _, m := range face.Methods.List {
		if len(m.Names) > 0 {
			count += len(m.Names)
			continue
		}
		id, ok := m.Type.(*ast.Ident)
		if !ok {
			if _, ok := m.Type.(*ast.SelectorExpr); ok {
				count++
			}
			continue
		}
		if inner := d.interfaceNamed(id.Name); inner != nil && !slices.Contains(seen, id.Name) {
			count += d.methods(inner, append(seen, id.Name))
		}
	}
	return count
}

func (d *folder) interfaceNamed(name string) *ast.InterfaceType {
	for _, f := range d.files {
		for _, decl := range f.syntax.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == name {
					face, _ := t.Type.(*ast.InterfaceType)
					return face
				}
			}
		}
	}
	return nil
}

// sisters wants the files of related rooms to have the same names.
func sisters(folders []*folder) (found []Violation) {
	for _, family := range families {
		for _, name := range family.files {
			var have, lack []*folder
			for _, d := range folders {
				if !slices.Contains(family.sisters, d.path) {
					continue
				}
				if slices.ContainsFunc(d.files, func(f *file) bool { return path.Base(f.name) == name }) {
					have = append(have, d)
				} else {
					lack = append(lack, d)
				}
			}
			for _, d := range lack {
				if len(have) > 0 {
					found = append(found, Violation{d.files[0].name, 1, "sister",
						fmt.Sprintf("%s has %s and %s has not", have[0].path, name, d.path),
						"put what belongs there into a file of that name"})
				}
			}
		}
	}
	return found
}
