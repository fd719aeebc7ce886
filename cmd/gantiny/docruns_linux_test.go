package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gantiny/gantiny/dataset"
)

// docPage is a page whose commands are run: what has to be there before its first one, and the
// commands that are not run, by what a line begins with, each with the reason.
type docPage struct {
	before []string
	not    map[string]string
}

const (
	serves   = "does not end by itself; package httpserve and TestServe run the server"
	compiles = "builds the program for WebAssembly; TestExportWeb does"
)

// trained makes a run and what follows from it.
var trained = []string{
	"gantiny train --data digits --out run1",
	"gantiny quantize run1 -o small.safetensors",
}

// docRuns are the pages that have commands of gantiny. A page that is missing here is an error.
var docRuns = map[string]docPage{
	"CONTRIBUTING.md": {before: []string{"mkdir docs"}},
	"README.md": {
		before: slices.Concat(trained, []string{
			"gantiny train --data DIR --out run2", "gantiny export run1 -o generator.onnx",
			`cp "$REPO"/tflite/testdata/reference.tflite generator.tflite; cp "$REPO"/weights/testdata/dcgan.pth netG.pth`,
		}),
		not: map[string]string{"gantiny serve": serves, "gantiny export --web": compiles},
	},
	"docs/export.md": {before: trained[:1]},
	"docs/fleets.md": {},
	"docs/import.md": {
		before: []string{
			"gantiny export -o generator.onnx",
			`cp "$REPO"/tflite/testdata/reference.tflite generator.tflite; cp "$REPO"/weights/testdata/dcgan.pth netG.pth`,
			`cp "$REPO"/weights/testdata/upsampling.pth generator.pth`,
		},
		not: map[string]string{"gantiny import checkpoint.pt": "there is no small checkpoint of such a shape; package weights reads one"},
	},
	"docs/latents.md": {before: []string{"gantiny generate -n 1 --class 7 -o seven.png", "gantiny project seven.png"}},
	"docs/own-pictures.md": {before: []string{
		"mkdir -p package/img/twitter/64; cp DIR/?/*.png package/img/twitter/64",
		`cd DIR; for f in ?/*.png; do echo "${f#*/},${f%%/*}"; done >../categories.csv`,
	}},
	"docs/performance.md":  {},
	"docs/quality.md":      {before: []string{trained[0], "gantiny train --data DIR --size 32 --channels 3 --out run2"}},
	"docs/quantize.md":     {before: []string{trained[0], `ln -s "$REPO"/zoo zoo`}},
	"docs/raspberry-pi.md": {},
	"docs/serve.md":        {not: map[string]string{"gantiny serve": serves, "gantiny export --web": compiles}},
	"docs/start.md":        {not: map[string]string{"gantiny serve": serves}},
	"docs/training.md": {before: []string{
		"gantiny train --recipe classifier --data DIR --out classes",
	}},
	"examples/microcontroller/README.md": {},
	"benchmarks/pi/README.md":            {},
}

// smaller is the program that documented commands start: this test as the program itself, with
// flags behind the command's own that win over them, for less work. A few hundred of MNIST's digits
// stand for all.
const smaller = `#!/bin/bash
case "$1 $*" in
"train "*--print*) ;;
"train "*--resume*) set -- "$@" --epochs 2 ;;
"train "*) set -- "$@" --epochs 1 --batch 48 --width 4 ;;
"quantize "*--finetune*) set -- "$@" --calib 16 --judge 8 --finetune 2 ;;
"quantize "*) set -- "$@" --calib 16 --judge 8 ;;
"eval "*"--data fashion"*) set -- "$@" --data mnist --number 100 ;;
"eval "*) set -- "$@" --number 100 ;;
"bench "*) set -- "$@" --seconds 0.01 ;;
"generate "*--count*) set -- "$@" --count 1000 --part 100 ;;
"generate "*60000*) set -- "$@" --number 600 ;;
esac
case "$1 $*" in
"train "*--eval-every*) set -- "$@" --eval-number 100 ;;
esac
case "$1 $*" in
"train "*"--data digits"*) set -- "$@" --data mnist ;;
esac
export GANTINY_TEST_CHILD=1
exec "$GANTINY_TEST_BINARY" "$@"
`

// TestDocumentedRuns runs the commands of the documentation, page by page in the order in which
// they stand there, so that what a command writes is there for the next. The data are small, and
// there is less work. It takes a minute, and is asked for by GANTINY_DOCS=1.
func TestDocumentedRuns(t *testing.T) {
	if os.Getenv("GANTINY_DOCS") == "" {
		t.Skip("GANTINY_DOCS is not set")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	shell := newDocShell(t, root)
	for _, page := range docPages(t) {
		name, err := filepath.Rel(filepath.Join("..", ".."), page)
		if err != nil {
			t.Fatal(err)
		}
		lines := linesOf(readFile(t, page))
		r, known := docRuns[filepath.ToSlash(name)]
		switch {
		case len(lines) > 0 && !known:
			t.Errorf("%s has commands, and docRuns does not have the page", name)
		case len(lines) == 0 && known:
			t.Errorf("%s has no commands, and is in docRuns", name)
		case known:
			t.Run(filepath.ToSlash(name), func(t *testing.T) { shell.page(t, r, lines) })
		}
	}
}

// linesOf are the lines of a page that call gantiny.
func linesOf(text string) (lines []string) {
	for _, line := range shellLines(text) {
		for _, words := range shellCommands(line) {
			if _, ok := arguments(words); ok {
				lines = append(lines, line)
				break
			}
		}
	}
	return lines
}

// docShell runs lines of shell.
type docShell struct {
	environment []string
	program     string // the text of smaller, in a file
	data        string // folder that holds DIR and pictures, to be copied to each page's
}

func newDocShell(t *testing.T, root string) *docShell {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, data := t.TempDir(), t.TempDir()
	program := filepath.Join(bin, "gantiny")
	writeFile(t, program, smaller)
	if err := os.Chmod(program, 0o777); err != nil {
		t.Fatal(err)
	}
	writeDocData(t, data)
	return &docShell{
		environment: append(os.Environ(), "REPO="+root, "GANTINY_TEST_BINARY="+self, "GANTINY_DATA="+filepath.Join(data, "sets"),
			"XDG_CACHE_HOME="+t.TempDir(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")),
		program: program, data: data,
	}
}

// page runs a page's lines in a folder of its own.
func (s *docShell) page(t *testing.T, r docPage, lines []string) {
	dir := t.TempDir()
	s.line(t, dir, `cp -r "`+s.data+`"/files/. . && ln -s "`+s.program+`" gantiny`)
	for _, line := range r.before {
		s.line(t, dir, line)
	}
	skipped := map[string]bool{}
next:
	for _, line := range lines {
		for start := range r.not {
			if strings.HasPrefix(line, start) {
				skipped[start] = true
				continue next
			}
		}
		s.makeRoom(t, dir, line)
		s.line(t, dir, strings.ReplaceAll(line, "go run ./cmd/gantiny", "gantiny"))
	}
	for start, reason := range r.not {
		if !skipped[start] {
			t.Errorf("no line begins with %q, which is not run (%s)", start, reason)
		}
	}
}

// makeRoom removes the folder that a line is to make, which an earlier block of the page has made
// too: a run, or one that is exported.
func (s *docShell) makeRoom(t *testing.T, dir, line string) {
	t.Helper()
	for _, words := range shellCommands(line) {
		args, ok := arguments(words)
		if !ok || slices.Contains(args, "--resume") {
			continue
		}
		for i, word := range args[:len(args)-1] {
			if args[0] == "train" && word == "--out" || slices.Contains(args, "--ddp") && word == "-o" {
				if err := os.RemoveAll(filepath.Join(dir, args[i+1])); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// line runs one line of shell.
func (s *docShell) line(t *testing.T, dir, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // of a machine that others use
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-e", "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = dir, s.environment
	from := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	t.Logf("%.1f s: %s", time.Since(from).Seconds(), line)
}

// writeDocData writes files/DIR, pictures in two folders, which are classes, files/photo.jpg, and
// sets/mnist: all are of the digits that are built in.
func writeDocData(t *testing.T, dir string) {
	t.Helper()
	digits, err := dataset.Open("digits", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mnist := filepath.Join(dir, "sets", "mnist")
	classes := []string{filepath.Join(dir, "files", "DIR", "a"), filepath.Join(dir, "files", "DIR", "b")}
	for _, d := range append(classes, mnist) {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	const train, test, pictures, size = 240, 120, 240, 28 * 28
	for name, at := range map[string][2]int{"train": {0, train}, "t10k": {train, test}} {
		head := binary.BigEndian.AppendUint32(nil, 0x803)
		for _, n := range []int{at[1], 28, 28} {
			head = binary.BigEndian.AppendUint32(head, uint32(n))
		}
		writeFile(t, filepath.Join(mnist, name+"-images-idx3-ubyte"), string(head)+string(digits.Pix[at[0]*size:][:at[1]*size]))
		labels := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 0x801), uint32(at[1]))
		for _, l := range digits.Labels[at[0]:][:at[1]] {
			labels = append(labels, byte(l))
		}
		writeFile(t, filepath.Join(mnist, name+"-labels-idx1-ubyte"), string(labels))
	}
	for i := range pictures {
		picture := &image.Gray{Pix: digits.Pix[i*size:][:size], Stride: 28, Rect: image.Rect(0, 0, 28, 28)}
		writePicture(t, filepath.Join(classes[i%2], fmt.Sprintf("%03d.png", i)), func(w io.Writer) error { return png.Encode(w, picture) })
		if i == 0 {
			writePicture(t, filepath.Join(dir, "files", "photo.jpg"), func(w io.Writer) error { return jpeg.Encode(w, picture, nil) })
		}
	}
}

func writePicture(t *testing.T, path string, encode func(w io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b.String())
}
