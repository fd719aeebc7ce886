package fleet

import (
	"regexp"
	"testing"
)

// All texts of up to six of these letters, against a regular expression.
func TestCutVerb(t *testing.T) {
	verb := regexp.MustCompile(`%(0?[0-9]?)d`)
	verbs := 0
	var each func(s string, more int)
	each = func(s string, more int) {
		before, digits, after, found := cutVerb(s)
		at := verb.FindStringSubmatchIndex(s)
		switch {
		case found != (at != nil):
			t.Fatalf("%q: found %t", s, found)
		case found && (before != s[:at[0]] || digits != s[at[2]:at[3]] || after != s[at[1]:]):
			t.Fatalf("%q: %q %q %q, want it cut at %v", s, before, digits, after, at)
		case found:
			verbs++
		}
		if more > 0 {
			for _, letter := range "%05dé" {
				each(s+string(letter), more-1)
			}
		}
	}
	each("", 6)
	if verbs == 0 {
		t.Fatal("no verbs")
	}
}
