package display

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns a writer in which text is only text: control characters other than ends of lines
// and tabs, and those that turn the direction of writing, are written as \u001b or the like, bytes
// that are no UTF-8 as \x9b. So what a file says of itself can neither set a title or the clipboard
// nor hide what stands beside it. In JSON these are escapes as well, and mean the same. On a
// terminal that shows ASCII alone, all else is escaped too.
func Clean(w io.Writer) io.Writer {
	s := look(w)
	return &cleaner{w: w, ascii: s.Terminal && !s.UTF8}
}

// Raw is the writer beneath Clean's: for pictures, and for control codes of our own.
func Raw(w io.Writer) io.Writer {
	if c, ok := w.(*cleaner); ok {
		return c.w
	}
	return w
}

// Line is text as Clean writes it, and on one line.
func Line(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(string(clean(nil, []byte(s), false)))
}

type cleaner struct {
	w     io.Writer
	ascii bool
}

// Write takes whole characters, as fmt, tabwriter and json write them.
func (c *cleaner) Write(p []byte) (int, error) {
	if _, err := c.w.Write(clean(nil, p, c.ascii)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// clean appends text to dst with escapes.
func clean(dst, text []byte, ascii bool) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[0])
		case r == '\n' || r == '\t':
			dst = append(dst, text[:n]...)
		case r > 0xffff && (ascii || unicode.Is(unicode.Cf, r)):
			dst = fmt.Appendf(dst, `\U%08x`, r)
		case unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || ascii && r > unicode.MaxASCII:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return dst
}
