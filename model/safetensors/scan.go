package safetensors

import (
	"io"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// window is how much of a header is in memory at a time when it is read from a file.
const window = 32 << 10

// scanner reads the JSON of a header, of which the format allows a small part: objects, strings and
// lists of counts. It holds no more of it than a window and the string at hand, never recurses, and
// keeps the first error, after which it finds nothing but the end.
type scanner struct {
	r       io.ReaderAt // that the header is read from; nil if all of it is in b
	at, end int64       // what is still to come of it
	b       []byte
	i       int    // in b
	text    []byte // the last string
	longest int    // of the strings, if it is known
	err     error
}

// scan returns a scanner of n bytes: of head, or from offset 8 of r.
func scan(r io.ReaderAt, head []byte, n int64) *scanner {
	if head != nil {
		return &scanner{b: head}
	}
	return &scanner{r: r, at: 8, end: 8 + n, b: make([]byte, 0, min(window, n))}
}

// more makes sure that a byte is at hand. At the end of the header, or after an error, none is.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}
	if s.i < len(s.b) {
		return true
	}
	if s.at == s.end {
		return false
	}
	s.b, s.i = s.b[:min(int64(cap(s.b)), s.end-s.at)], 0
	if err := readAt(s.r, s.b, s.at); err != nil {
		s.err = err
		return false
	}
	s.at += int64(len(s.b))
	return true
}

// fail keeps an error about the header, unless there is one.
func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = bad("header: "+format, args...)
	}
}

// next returns the next byte that is no space, without taking it; 0 at the end.
func (s *scanner) next() byte {
	for s.more() {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take takes c, which must be next.
func (s *scanner) take(c byte) bool {
	switch got := s.next(); {
	case s.err != nil:
		return false
	case got == c:
		s.i++
		return true
	case got == 0:
		s.fail("unexpected end, want %q", c)
	default:
		s.fail("%q in place of %q", got, c)
	}
	return false
}

// each calls f for every member of an object or element of a list between open and end.
func (s *scanner) each(open, end byte, f func() bool) bool {
	if !s.take(open) {
		return false
	}
	if s.next() == end {
		return s.take(end)
	}
	for f() {
		if s.next() == end {
			return s.take(end)
		}
		if !s.take(',') {
			return false
		}
	}
	return false
}

// members calls f with each key of an object; f reads the value. The key is s.text's and may be
// most bytes long.
func (s *scanner) members(most int, f func(key []byte) bool) bool {
	return s.each('{', '}', func() bool {
		return s.string(most) && s.take(':') && f(s.text)
	})
}

// string reads a string of at most most bytes to s.text.
func (s *scanner) string(most int) bool {
	if !s.take('"') {
		return false
	}
	s.text = s.text[:0]
	for s.more() {
		// As many bytes at once as stand for themselves.
		run := s.i
		for s.i < len(s.b) && s.b[s.i] != '"' && s.b[s.i] != '\\' && s.b[s.i] >= ' ' {
			s.i++
		}
		if len(s.text)+s.i-run > most {
			s.fail("a string of more than %d bytes", most)
			return false
		}
		s.text = s.grown(s.i - run)
		s.text = append(s.text, s.b[run:s.i]...)
		if s.i == len(s.b) {
			continue
		}
		switch c := s.b[s.i]; c {
		case '"':
			s.i++
			if !utf8.Valid(s.text) {
				s.fail("a string that is not UTF-8")
			}
			return s.err == nil
		case '\\':
			s.i++
			s.escape()
		default:
			s.fail("control character %q in a string", c)
		}
	}
	s.fail("unexpected end of a string")
	return false
}

// grown is s.text with room for n bytes more, of a long string for as many as the longest has.
func (s *scanner) grown(n int) []byte {
	if need := len(s.text) + n; need > cap(s.text) && need > window {
		return append(make([]byte, 0, max(need, s.longest)), s.text...)
	}
	return s.text
}

// escape reads what follows a backslash.
func (s *scanner) escape() {
	if !s.more() {
		return
	}
	c := s.b[s.i]
	s.i++
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		s.unicode()
		return
	default:
		s.fail("escape \\%c", c)
		return
	}
	s.text = append(s.text, c)
}

// unicode reads the digits of one \u escape, or of the two of a surrogate pair.
func (s *scanner) unicode() {
	r := s.hex()
	if utf16.IsSurrogate(r) {
		if !s.literal('\\') || !s.literal('u') {
			return
		}
		if r = utf16.DecodeRune(r, s.hex()); r == utf8.RuneError {
			s.fail("half a surrogate pair")
		}
	}
	s.text = utf8.AppendRune(s.text, r)
}

// literal takes c, which must be the next byte.
func (s *scanner) literal(c byte) bool {
	if !s.more() || s.b[s.i] != c {
		s.fail("%q is missing in a string", c)
		return false
	}
	s.i++
	return true
}

func (s *scanner) hex() rune {
	var digits [4]byte
	for i := range digits {
		if !s.more() {
			return 0
		}
		digits[i] = s.b[s.i]
		s.i++
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil {
		s.fail("escape \\u%q", digits[:])
	}
	return rune(n)
}

// count reads an integer that is not negative.
func (s *scanner) count() (n int, ok bool) {
	s.next()
	digits := 0
	for ; s.more(); s.i++ {
		c := s.b[s.i]
		if c < '0' || c > '9' {
			break
		}
		if digits > 0 && n == 0 || n > (math.MaxInt-int(c-'0'))/10 {
			s.fail("bad count")
			return 0, false
		}
		n = 10*n + int(c-'0')
		digits++
	}
	if digits == 0 {
		s.fail("bad count")
	}
	return n, s.err == nil
}

// counts appends a list of counts to list, which may grow by most.
func (s *scanner) counts(list []int, most int) (_ []int, ok bool) {
	begin := len(list)
	ok = s.each('[', ']', func() bool {
		n, ok := s.count()
		if ok && len(list)-begin == most {
			s.fail("a list of more than %d", most)
			return false
		}
		list = append(list, n)
		return ok
	})
	return list, ok
}
