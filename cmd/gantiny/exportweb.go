package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/explorer"
	"github.com/gantiny/gantiny/model"
)

// The program in WebAssembly, and the file of Go's that starts it in a browser.
const (
	wasmFile = "explorer.wasm"
	wasmExec = "wasm_exec.js"
)

// exportWeb writes the page for a model into a folder. program is the folder of the program in
// WebAssembly, "" for one where packages install it, or for what the Go toolchain makes in a clone.
func exportWeb(ctx context.Context, m network, out, program string, stderr io.Writer) error {
	if out == "" {
		return usagef("-o: which folder to write the page into?")
	}
	shape, err := m.pictureShape()
	if err != nil {
		return err
	}
	if err := explorer.CanEncode(explorer.PNG, shape); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if err := checkFolder("-o", out); err != nil {
		return err
	}
	files := explorer.Page(explorer.Browser)
	if err := addProgram(ctx, files, program); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := m.Encode(&b, model.SaveOptions{}); err != nil {
		return err
	}
	files["model.safetensors"] = b.Bytes()
	if err := atomicfile.MkdirAll(out); err != nil {
		return err
	}
	var names, paths []string
	total := 0
	for name, b := range files {
		names = append(names, name)
		total += len(b)
	}
	slices.Sort(names)
	for _, name := range names {
		paths = append(paths, filepath.Join(out, name))
	}
	err = atomicfile.WriteAll(paths, func(i int, w io.Writer) error {
		_, err := w.Write(files[names[i]])
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stderr, "%s: %s, %.1f MB; any web server shows them, as 'python3 -m http.server -d %s' does\n",
		out, display.Plural(len(names), "file"), float64(total)/1e6, display.Quote(out))
	return err
}

// addProgram adds the program in WebAssembly to the page's files.
func addProgram(ctx context.Context, files map[string][]byte, dir string) error {
	places := []string{dir}
	if dir == "" {
		places = programPlaces()
	}
	for _, place := range places {
		err := readProgram(files, place)
		if err == nil || dir != "" || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	clone := cloneRoot()
	if clone == "" {
		return fmt.Errorf("the program in WebAssembly, %s and %s, is not in %s, where packages install it. Get both from an archive of this version, "+
			"or write the page in a clone of the repository, where Go builds them, and name their folder by --wasm", wasmFile, wasmExec, strings.Join(places, " or "))
	}
	return buildProgram(ctx, files, clone)
}

func readProgram(files map[string][]byte, dir string) error {
	for _, name := range []string{wasmFile, wasmExec} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("--wasm: %w", err)
		}
		files[name] = b
	}
	return nil
}

// programPlaces is where packages and archives put the program in WebAssembly.
func programPlaces() (places []string) {
	if program, err := os.Executable(); err == nil {
		if whole, err := filepath.EvalSymlinks(program); err == nil {
			program = whole
		}
		dir := filepath.Dir(program)
		places = append(places, filepath.Join(dir, "web"), filepath.Join(filepath.Dir(dir), "share", "gantiny", "web"))
	}
	if runtime.GOOS != "windows" {
		places = append(places, "/usr/share/gantiny/web")
	}
	return slices.Compact(places)
}

// buildProgram has Go compile the program in a clone of the repository.
func buildProgram(ctx context.Context, files map[string][]byte, clone string) error {
	temp, err := os.MkdirTemp("", "gantiny-web-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = clone
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("go %s in %s: %w: %s", args[0], clone, err, out)
		}
		return strings.TrimSpace(string(out)), nil
	}
	wasm := filepath.Join(temp, wasmFile)
	if _, err := run("build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", wasm, "./web"); err != nil {
		return err
	}
	root, err := run("env", "GOROOT")
	if err != nil {
		return err
	}
	if files[wasmFile], err = os.ReadFile(wasm); err != nil {
		return err
	}
	files[wasmExec], err = os.ReadFile(filepath.Join(root, "lib", "wasm", wasmExec))
	return err
}
