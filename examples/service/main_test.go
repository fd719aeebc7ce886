package main

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

func get(ctx context.Context) *http.Response {
	w := httptest.NewRecorder()
	digit(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	return w.Result()
}

func TestDigit(t *testing.T) {
	var wg sync.WaitGroup
	pictures := make([]bytes.Buffer, 8)
	for i := range pictures {
		wg.Go(func() {
			r := get(t.Context())
			if kind := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || kind != "image/png" {
				t.Errorf("status %d, type %q", r.StatusCode, kind)
			}
			pictures[i].ReadFrom(r.Body)
		})
	}
	wg.Wait()
	different := map[string]bool{}
	for i := range pictures {
		different[pictures[i].String()] = true
		img, err := png.Decode(&pictures[i])
		if err != nil || img.Bounds() != image.Rect(0, 0, 28, 28) {
			t.Errorf("picture %d: %v, %v", i, img.Bounds(), err)
		}
	}
	if len(different) < 2 {
		t.Error("all pictures are the same")
	}
}

// TestCanceled: a client that has left costs no drawing.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := get(ctx); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", r.StatusCode)
	}
}

// TestShort: the program has at most 20 lines, comments and blank ones not counted.
func TestShort(t *testing.T) {
	b, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	if n > 20 {
		t.Errorf("%d lines", n)
	}
}
