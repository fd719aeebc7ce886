package display

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext\n":              "plain\ttext\n",
		"Ünïcödé 数字 👩‍🔬":             "Ünïcödé 数字 👩‍🔬",
		"\x1b]52;c;ZXZpbA==\x07":     `\u001b]52;c;ZXZpbA==\u0007`,
		"\x1b[2J\x1b[H\x1b[8m":       `\u001b[2J\u001b[H\u001b[8m`,
		"a\rb\bc\x7fd\x00":           `a\u000db\u0008c\u007fd\u0000`,
		"\u009b31m \u0085 \u009d0;x": `\u009b31m \u0085 \u009d0;x`,
		"\u202egnp.exe\u2066 \u2028": `\u202egnp.exe\u2066 \u2028`,
		"\U000e0041 tag":             `\U000e0041 tag`,
		"\x9b31m \xff \xe2\x96":      `\x9b31m \xff \xe2\x96`,
	} {
		var b strings.Builder
		if n, err := Clean(&b).Write([]byte(text)); n != len(text) || err != nil || b.String() != want {
			t.Errorf("%q is written as %q (%d, %v), want %q", text, b.String(), n, err, want)
		}
	}
	if got, want := string(clean(nil, []byte("1.5 °C 👩"), true)), `1.5 \u00b0C \U0001f469`; got != want {
		t.Errorf("in ASCII %q, want %q", got, want)
	}
	if got, want := Line("one\n\x1b[Htwo\t"), `one\n\u001b[Htwo\t`; got != want {
		t.Errorf("on a line %q, want %q", got, want)
	}
}

// TestCleanJSON: what was encoded means the same.
func TestCleanJSON(t *testing.T) {
	name := "\x1b]0;owned\x07 \u009b31m \x7f \u202e \u2028 ok"
	var b strings.Builder
	if err := json.NewEncoder(Clean(&b)).Encode(name); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r < ' ' && r != '\n' || r > '~' }); i >= 0 {
		t.Errorf("%q has a control code at %d", b.String(), i)
	}
	var got string
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got != name {
		t.Errorf("read again: %q, %v, want %q", got, err, name)
	}
}

func TestRaw(t *testing.T) {
	var b strings.Builder
	if w := Raw(Clean(&b)); w != &b {
		t.Errorf("beneath is %v", w)
	}
	if w := Raw(&b); w != &b {
		t.Errorf("without Clean it is %v", w)
	}
}
