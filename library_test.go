package gantiny_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// libraryFiles calls yield with every file of a package that programs import.
func libraryFiles(t *testing.T, yield func(path string, f *ast.File)) {
	t.Helper()
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if name := d.Name(); path != "." && (name == "testdata" || name[0] == '.' || err == nil) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err == nil && f.Name.Name != "main" {
			yield(path, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestInits: to import a package registers what it has, and does nothing else: an init calls
// functions that register, or fills a table.
func TestInits(t *testing.T) {
	inits := 0
	libraryFiles(t, func(path string, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Name.Name != "init" {
				continue
			}
			inits++
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncLit: // runs later
					return false
				case *ast.GoStmt, *ast.SendStmt:
					t.Errorf("%s: its init starts something", path)
				case *ast.CallExpr:
					if name := called(n); !strings.HasPrefix(name, "Register") && !strings.HasPrefix(name, "register") {
						t.Errorf("%s: its init calls %s", path, name)
					}
				}
				return true
			})
		}
	})
	if inits < 30 {
		t.Errorf("%d inits: is this test looking at the right files?", inits)
	}
}

// called is the name of the function that a call is of.
func called(c *ast.CallExpr) string {
	fun := c.Fun
	for {
		switch f := fun.(type) {
		case *ast.IndexExpr: // of type parameters
			fun = f.X
		case *ast.SelectorExpr:
			return f.Sel.Name
		case *ast.Ident:
			return f.Name
		default:
			return "a function value"
		}
	}
}

// TestQuiet: a library writes to no log of the process, and publishes nothing: programs hand it a
// slog.Logger or an Observer, and find the rest in package expvar only if they put it there.
func TestQuiet(t *testing.T) {
	libraryFiles(t, func(path string, f *ast.File) {
		for _, spec := range f.Imports {
			if name := strings.Trim(spec.Path.Value, `"`); name == "expvar" || name == "net/http/pprof" && !strings.HasPrefix(path, "cmd") {
				t.Errorf("%s imports %s", path, name)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := fun.X.(*ast.Ident); ok && pkg.Name == "log" && fun.Sel.Name != "New" && imports(f, "log") {
				t.Errorf("%s: log.%s: take a slog.Logger", path, fun.Sel.Name)
			}
			return true
		})
	})
}

func imports(f *ast.File, path string) bool {
	for _, spec := range f.Imports {
		if spec.Path.Value == `"`+path+`"` {
			return true
		}
	}
	return false
}
