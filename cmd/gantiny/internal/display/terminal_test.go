package display

import (
	"testing"

	"github.com/gantiny/gantiny/picture"
)

func TestScreen(t *testing.T) {
	type env = map[string]string
	utf8 := func(e env) env {
		e["LANG"] = "en_US.UTF-8"
		return e
	}
	for _, c := range []struct {
		env     env
		system  string
		redraws bool
		utf8    bool
		colors  picture.Colors
	}{
		{utf8(env{"TERM": "xterm-256color"}), "linux", true, true, picture.Palette256},
		{utf8(env{"TERM": "xterm-256color", "COLORTERM": "truecolor"}), "linux", true, true, picture.TrueColor},
		{utf8(env{"TERM": "xterm", "NO_COLOR": "1"}), "linux", true, true, picture.Plain},
		{utf8(env{"TERM": "xterm", "NO_COLOR": ""}), "linux", true, true, picture.Palette256},
		{utf8(env{"TERM": "vt100", "COLORTERM": "truecolor"}), "linux", true, true, picture.Plain},
		{utf8(env{"TERM": "stterm"}), "linux", true, true, picture.Plain},
		{utf8(env{"TERM": "dumb"}), "linux", false, true, picture.Plain},
		{utf8(env{}), "linux", false, true, picture.Plain},
		{env{"TERM": "xterm"}, "linux", true, false, picture.Plain},
		{env{"TERM": "xterm", "LANG": "C"}, "linux", true, false, picture.Plain},
		{env{"TERM": "xterm", "LANG": "de_DE.ISO-8859-1"}, "linux", true, false, picture.Plain},
		{env{"TERM": "xterm", "LC_ALL": "C", "LANG": "C.UTF-8"}, "linux", true, false, picture.Plain},
		{env{"TERM": "xterm", "LC_CTYPE": "C.utf8", "LANG": "C"}, "linux", true, true, picture.Palette256},
		{env{"TERM": "xterm-256color"}, "darwin", true, true, picture.Palette256},
		{env{}, "windows", true, true, picture.Palette256},
	} {
		s := screen(true, 0, c.system, func(name string) string { return c.env[name] })
		want := Screen{Terminal: true, Redraws: c.redraws, UTF8: c.utf8, Colors: c.colors, Width: 80}
		if s != want {
			t.Errorf("%s, %v: %+v, want %+v", c.system, c.env, s, want)
		}
		if off := screen(false, 0, c.system, func(name string) string { return c.env[name] }); off.Redraws {
			t.Errorf("%v: redraws off a terminal", c.env)
		}
	}
	if got := (Screen{Colors: picture.Palette256}).PictureColors(1); got != picture.Gray256 {
		t.Errorf("gray pictures are shown in %v", got)
	}
	if got := (Screen{Colors: picture.TrueColor}).PictureColors(1); got != picture.TrueColor {
		t.Errorf("gray pictures are shown in %v", got)
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"run1": "run1", "a/b-c_1.2": "a/b-c_1.2", "größe": "größe", "my run": "'my run'", "": "''", "it's": `'it'\''s'`, "$x": "'$x'", "~": "'~'", "a\nb": "'a\nb'",
	} {
		if got := Quote(s); got != want {
			t.Errorf("%q is quoted %s, want %s", s, got, want)
		}
	}
}
