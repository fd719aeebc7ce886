package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOperatorDocs: the operator that CONTRIBUTING.md shows is the one in softplus.go.
func TestOperatorDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("softplus.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```go\n")
	shown, _, ended := strings.Cut(rest, "```")
	if !ended || !strings.Contains(string(file), shown) {
		t.Errorf("not in softplus.go:\n%s", shown)
	}
}
