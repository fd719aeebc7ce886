package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestDigit: the pixels are these wherever the program runs, WebAssembly included.
func TestDigit(t *testing.T) {
	pixels, width, err := digit(7, 1)
	if err != nil {
		t.Fatal(err)
	}
	if width != 28 || len(pixels) != 4*28*28 {
		t.Fatalf("%d bytes, width %d", len(pixels), width)
	}
	for i := 0; i < len(pixels); i += 4 {
		if pixels[i] != pixels[i+1] || pixels[i] != pixels[i+2] || pixels[i+3] != 255 {
			t.Fatalf("pixel %d is %v, want an opaque gray", i/4, pixels[i:i+4])
		}
	}
	sum := sha256.Sum256(pixels)
	if got, want := hex.EncodeToString(sum[:]), "7551d03ffda071b8d1b23d318be205ffffa245c5e3bfa3cb11761c70ca20d118"; got != want {
		t.Errorf("the pixels have SHA-256 %s, want %s", got, want)
	}
	if _, _, err := digit(10, 1); err == nil || !strings.Contains(err.Error(), "class 10") {
		t.Errorf("class 10: %v", err)
	}
}

// TestPage: the page loads the files that the comment above makes, and calls the function that
// there is.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`fetch("digits.wasm")`, `src="wasm_exec.js"`, "digit(Number("} {
		if !strings.Contains(string(page), want) {
			t.Errorf("index.html lacks %s", want)
		}
	}
}
