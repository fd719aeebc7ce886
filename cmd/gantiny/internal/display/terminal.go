package display

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/gantiny/gantiny/picture"
)

// IsTerminal says whether w shows its bytes to a person.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width is the number of columns of w, 80 where there is no telling.
func Width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// Colors is what the terminal is thought to show of pictures with so many channels.
func Colors(channels int) picture.Colors {
	switch {
	case os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb":
		return picture.Plain
	case strings.Contains(os.Getenv("COLORTERM"), "truecolor") || strings.Contains(os.Getenv("COLORTERM"), "24bit"):
		return picture.TrueColor
	case channels == 1:
		return picture.Grey256
	}
	return picture.Palette256
}
