package graphfile

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

const small = `
name = "small"
[[inputs]]
name = "z"
shape = [1, 1, 4]
[[layers]]
kind = "dense"
units = 12
weights = "fc"
[[layers]]
kind = "reshape"
h = 2
w = 2
c = 3
[[layers]]
kind = "conv2d"
name = "out"
filters = 1
kernel = [3, 3]
pad = [1, 1, 1, 1]
`

// TestText: what Text writes is what Parse has read, and makes the same model.
func TestText(t *testing.T) {
	f, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.Model()
	if err != nil || m.Output() != (model.Shape{H: 2, W: 2, C: 1}) || f.Layers[0].Weights != "fc" {
		t.Fatal(m, err)
	}
	again, err := Parse([]byte(f.Text()))
	if err != nil || again.Text() != f.Text() {
		t.Fatalf("%v: %s", err, f.Text())
	}
	want, err := m.Architecture()
	if err != nil {
		t.Fatal(err)
	}
	n, err := again.Model()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := n.Architecture(); err != nil || string(got) != string(want) {
		t.Errorf("%s, want %s (%v)", got, want, err)
	}
}

// TestPage: the network that docs/graph.md shows is one.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/graph.md")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```toml\n(.*?)```").FindSubmatch(b)
	if text == nil {
		t.Fatal("it shows none")
	}
	f, err := Parse(text[1])
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.Model()
	if err != nil || m.Output() != (model.Shape{H: 14, W: 14, C: 128}) {
		t.Fatal(m, err)
	}
}

// TestPageKinds: the kinds and attributes that docs/graph.md lists are those of package model.
func TestPageKinds(t *testing.T) {
	b, err := os.ReadFile("../../docs/graph.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "|---|---|\n")
	if !ok {
		t.Fatal("it has no table")
	}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		cells := strings.Split(line, "|")
		for _, kind := range regexp.MustCompile(`[a-z0-9]+`).FindAllString(regexp.MustCompile(`\(.*?\)`).ReplaceAllString(cells[1], ""), -1) {
			f := File{Inputs: []Input{{Name: "x", Shape: []int{4, 4, 4}}}, Layers: []Layer{{Kind: kind, In: []string{"x"}, Attributes: map[string]any{"nosuch": 1}}}}
			if _, err := f.Model(); err == nil || !strings.Contains(err.Error(), "nosuch") && !strings.Contains(err.Error(), "unknown field") {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for says, text := range map[string]string{
		"[[inputs]]": `name = "x"`, "unknown key size": "size = 1\n" + small, "no kind": small + "[[layers]]\nunits = 3", "kind is no text": small + "[[layers]]\nkind = 3",
		"list of names": small + "[[layers]]\nkind = \"tanh\"\nin = [1]", "expected": "name =",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrGraph) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
	f, err := Parse([]byte(small + "[[layers]]\nkind = \"tanh\"\nslope = 3"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Model(); err == nil || !strings.Contains(err.Error(), "slope") {
		t.Errorf("an attribute that a kind does not have: %v", err)
	}
}
