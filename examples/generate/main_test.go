package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
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
	gray := map[uint8]bool{}
	for _, v := range img.(*image.Gray).Pix[14*56:][:28] {
		gray[v] = true
	}
	if len(gray) < 2 {
		t.Error("the middle of the first digit is blank")
	}
}

// TestDocs: the program that the documentation shows is this one.
func TestDocs(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "raspberry-pi.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```go\n")
	shown, _, ended := strings.Cut(rest, "```")
	if !found || !ended || len(shown) < 100 {
		t.Fatal("docs/raspberry-pi.md shows no program")
	}
	if !strings.Contains(string(program), shown) {
		t.Errorf("not in main.go:\n%s", shown)
	}
}
