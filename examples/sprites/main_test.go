package main

import (
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

// TestWrite: the list names every sprite once, apart from the others, and what is there in the
// sheet is the digit.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, 3, 5); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "sprites.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"frame": {`) || !strings.Contains(string(b), `"image": "sprites.png"`) {
		t.Errorf("the list is\n%s", b)
	}
	var sheet Sheet
	if err := json.Unmarshal(b, &sheet); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, sheet.Meta.Image))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	atlas := m.(*image.NRGBA)
	if len(sheet.Frames) != 30 || atlas.Rect != image.Rect(0, 0, 290, 87) || sheet.Meta.Size != (Rect{0, 0, 290, 87}) {
		t.Fatalf("%d sprites in %v, %+v", len(sheet.Frames), atlas.Rect, sheet.Meta)
	}

	taken := map[image.Point]string{}
	for name, frame := range sheet.Frames {
		r := frame.Frame
		for p := range r.W * r.H {
			at := image.Pt(r.X+p%r.W, r.Y+p/r.W)
			if other, ok := taken[at]; ok || !at.In(atlas.Rect) {
				t.Fatalf("%s: %v is outside, or of %s", name, at, other)
			}
			taken[at] = name
		}
	}

	g := gantiny.Must(gantiny.Read(digits.Bytes()))
	defer g.Close()
	seven, err := g.Draw(t.Context(), gantiny.Request{Seed: 5, First: 17, Class: gantiny.Class(7)})
	if err != nil {
		t.Fatal(err)
	}
	r := sheet.Frames["7-1"].Frame
	for p := range r.W * r.H {
		c := atlas.NRGBAAt(r.X+p%r.W, r.Y+p/r.W)
		if want := seven[0].(*image.Gray).GrayAt(p%r.W, p/r.W).Y; c.A != want {
			t.Fatalf("7-1: pixel %d is %v, want opacity %d", p, c, want)
		}
	}
}
