package man

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"One. Two", "One.\nTwo\n"},
		{"'quoted' --flag, 8-bit", "\\(aqquoted\\(aq \\-\\-flag, 8-bit\n"},
		{".png is a file", "\\&.png is a file\n"},
		{`a\b ~c^`, "a\\eb \\(tic\\(ha\n"},
		{"first\n\nsecond", "first\n.PP\nsecond\n"},
		{strings.Repeat("word ", 20), strings.TrimSpace(strings.Repeat("word ", 15)) + "\nword word word word word\n"},
	} {
		var m manual
		if m.text("", c.text); m.String() != c.want {
			t.Errorf("%q gives %q, want %q", c.text, m.String(), c.want)
		}
	}
}
