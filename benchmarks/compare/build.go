package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// program is the benchmarks of a package, built.
type program struct {
	dir  string // of the package, where it runs, for its testdata
	path string
}

// side is one of the two trees. The base has no programs if a file of counts stands for it.
type side struct {
	name     string
	programs []program
}

// workshop holds what is built, in a folder of its own.
type workshop struct {
	o         options
	log       io.Writer
	top, dir  string // of the working tree; temporary
	base, now side
}

// newWorkshop builds both sides.
func newWorkshop(ctx context.Context, o options, log io.Writer) (*workshop, error) {
	text, err := command(ctx, ".", nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gantiny-compare-")
	if err != nil {
		return nil, err
	}
	w := &workshop{o: o, log: log, top: strings.TrimSpace(string(text)), dir: dir}
	if err := w.build(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// close removes everything, the other worktree from git's list too.
func (w *workshop) close() {
	tree := w.tree()
	if _, err := os.Stat(tree); err == nil {
		// Not with the caller's context: an interrupt must not leave the worktree behind.
		if _, err := command(context.Background(), w.top, nil, "git", "worktree", "remove", "--force", tree); err != nil {
			fmt.Fprintln(w.log, err)
		}
	}
	os.RemoveAll(w.dir)
}

// tree is where the base's files are.
func (w *workshop) tree() string { return filepath.Join(w.dir, "tree") }

func (w *workshop) build(ctx context.Context) (err error) {
	w.base.name, w.now.name = w.o.baseline, "working tree"
	if w.o.base != "" {
		if _, err := command(ctx, w.top, nil, "git", "worktree", "add", "--detach", w.tree(), w.o.base); err != nil {
			return err
		}
		text, err := command(ctx, w.tree(), nil, "git", "describe", "--always", "--tags")
		if err != nil {
			return err
		}
		w.base.name = strings.TrimSpace(string(text))
		if w.base.programs, err = w.compile(ctx, w.tree(), "base"); err != nil {
			return err
		}
	}
	w.now.programs, err = w.compile(ctx, w.top, "now")
	return err
}

// compile builds the benchmarks of a tree.
func (w *workshop) compile(ctx context.Context, tree, prefix string) (list []program, err error) {
	env := []string{"CGO_ENABLED=0"}
	if w.o.count {
		env = append(env, "GOOS=linux", "GOARCH="+w.o.arch)
	}
	for i, name := range strings.Fields(w.o.packages) {
		p := program{dir: filepath.Join(tree, filepath.FromSlash(name)), path: filepath.Join(w.dir, fmt.Sprintf("%s%d.test", prefix, i))}
		fmt.Fprintf(w.log, "building %s of %s\n", name, prefix)
		if _, err := command(ctx, tree, env, "go", "test", "-trimpath", "-c", "-o", p.path, name); err != nil {
			return nil, err
		}
		if _, err := os.Stat(p.path); err != nil {
			return nil, fmt.Errorf("%s has no tests", name)
		}
		list = append(list, p)
	}
	return list, nil
}

// chosenRow finds the row of kernels that version prints.
var chosenRow = regexp.MustCompile(`kernels (\S+)`)

// bench is -bench, or what it is by default on the row that the machine, or qemu's processor,
// chooses.
func (w *workshop) bench(ctx context.Context) (string, error) {
	if w.o.bench != "" {
		return w.o.bench, nil
	}
	env, run := []string{"CGO_ENABLED=0"}, []string{"go", "run", "./cmd/gantiny", "version"}
	if w.o.count {
		path := filepath.Join(w.dir, "gantiny")
		if _, err := command(ctx, w.top, append(env, "GOOS=linux", "GOARCH="+w.o.arch), "go", "build", "-trimpath", "-o", path, "./cmd/gantiny"); err != nil {
			return "", err
		}
		run = []string{emulator(w.o.arch), "-cpu", w.o.processor, path, "version"}
	}
	text, err := command(ctx, w.top, env, run[0], run[1:]...)
	if err != nil {
		return "", err
	}
	found := chosenRow.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s names no kernels: %s", strings.Join(run, " "), text)
	}
	steps, batches := "Step", "^batch=(1|16|256)$"
	if w.o.count {
		steps, batches = "SmallStep", "^batch=(1|16)$" // the others take minutes under qemu
	}
	return fmt.Sprintf("^Benchmark(Generate|GenerateInt8|%s)$/^kernel=%s$/%s/^threads=1$", steps, found[1], batches), nil
}
