package display

import (
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/gantiny/gantiny/picture"
)

// Screen is what can be shown where a writer leads, as far as its terminal and the environment
// tell.
type Screen struct {
	Terminal bool           // somebody looks on
	Redraws  bool           // it knows the control codes that begin a line again
	UTF8     bool           // it shows more than ASCII
	Colors   picture.Colors // of pictures in color
	Width    int            // columns, 80 where there is no telling
}

// Look tells what w can show.
func Look(w io.Writer) Screen { return look(Raw(w)) }

// IsTerminal says whether w shows its bytes to a person.
func IsTerminal(w io.Writer) bool { return Look(w).Terminal }

func look(w io.Writer) Screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return screen(false, 0, runtime.GOOS, os.Getenv)
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0
	}
	return screen(true, width, runtime.GOOS, os.Getenv)
}

// screen follows the environment: TERM for control codes, NO_COLOR (https://no-color.org) and
// COLORTERM for colors, and the locale for characters. Where a system does without TERM or a
// locale, its terminals know the codes and UTF-8.
func screen(terminal bool, width int, system string, env func(string) string) Screen {
	if width <= 0 {
		width = 80
	}
	name := env("TERM")
	if name == "" && system == "windows" {
		name = "xterm-256color"
	}
	s := Screen{Terminal: terminal, Redraws: terminal && name != "" && name != "dumb", UTF8: utf8Locale(system, env), Colors: picture.Plain, Width: width}
	color := env("COLORTERM")
	switch {
	case env("NO_COLOR") != "" || !s.UTF8 || !hasPalette(name):
	case strings.Contains(color, "truecolor") || strings.Contains(color, "24bit"):
		s.Colors = picture.TrueColor
	default:
		s.Colors = picture.Palette256
	}
	return s
}

// PictureColors is Colors for pictures with so many channels: of the palette, gray ones need the
// grays alone.
func (s Screen) PictureColors(channels int) picture.Colors {
	if channels <= 2 && s.Colors == picture.Palette256 {
		return picture.Gray256
	}
	return s.Colors
}

// hasPalette tells whether a terminal of this name has 256 colors: those that say so, and those
// that are known to.
func hasPalette(name string) bool {
	if strings.Contains(name, "256color") || strings.Contains(name, "direct") {
		return true
	}
	for _, family := range []string{"xterm", "screen", "tmux", "rxvt-unicode", "konsole", "linux", "putty", "alacritty", "kitty", "wezterm",
		"foot", "st", "vte", "iterm", "ghostty", "contour", "mintty"} {
		if name == family || strings.HasPrefix(name, family+"-") {
			return true
		}
	}
	return false
}

// utf8Locale tells whether the user's locale is in UTF-8. That of a user who has set none is C,
// which is in ASCII.
func utf8Locale(system string, env func(string) string) bool {
	for _, variable := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(env(variable)); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return system == "windows" || system == "darwin"
}
