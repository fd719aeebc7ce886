package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "digits.png")
	if err := write(path, 5, 2, 1); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != image.Rect(0, 0, 56, 84) {
		t.Errorf("the grid is %v, want 56x84", img.Bounds())
	}
	grey := map[uint8]bool{}
	for _, v := range img.(*image.Gray).Pix[:28] {
		grey[v] = true
	}
	if len(grey) < 2 {
		t.Error("the first row is blank")
	}
}
