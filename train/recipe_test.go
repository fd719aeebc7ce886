package train

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestRecipes: every recipe is valid, the reference changes nothing, and an unknown name is refused
// with those that there are.
func TestRecipes(t *testing.T) {
	names := Recipes()
	if !slices.Contains(names, "dcgan") {
		t.Fatalf("recipes %v", names)
	}
	for _, name := range names {
		text, err := Recipe(name)
		if err != nil {
			t.Fatal(err)
		}
		c := Default()
		if err := c.Decode(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "dcgan" && c != Default() {
			t.Errorf("%s: %+v", name, c)
		}
		if !strings.HasPrefix(text, "# ") {
			t.Errorf("%s does not say what it is for", name)
		}
	}
	for _, name := range []string{"", "nope", "../recipes/dcgan", "dcgan.toml"} {
		if _, err := Recipe(name); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "dcgan") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
