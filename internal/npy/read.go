package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

// ErrFormat is what errors about a file's contents wrap.
var ErrFormat = errors.New("not a readable .npy file")

const (
	magic     = "\x93NUMPY"
	maxHeader = 1 << 16 // bytes; a float32 array's is about a hundred
)

// ReadFile reads the file at path.
func ReadFile(path string) (data []float32, shape []int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("npy: %w", err)
	}
	defer f.Close()
	return Read(f, path)
}

// Read reads one array from r; the array must be all there is. Errors begin
// with name. Memory grows with what has been read, whatever the header says.
func Read(r io.Reader, name string) (data []float32, shape []int, err error) {
	data, shape, err = read(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return nil, nil, fmt.Errorf("npy: %s: %w", name, err)
	}
	return data, shape, nil
}

func read(r *bufio.Reader) ([]float32, []int, error) {
	header, err := readHeader(r)
	if err != nil {
		return nil, nil, err
	}
	h, err := ParseHeader(header)
	if err != nil {
		return nil, nil, err
	}
	e, ok := elements[h.Descr]
	if !ok {
		return nil, nil, bad("elements of type %q, want float32 or float64: save array.astype('<f4')", h.Descr)
	}
	n, ok := count(h.Shape)
	if !ok {
		return nil, nil, bad("shape %v does not fit in memory", h.Shape)
	}
	data, err := e.read(r, n)
	if err != nil {
		return nil, nil, err
	}
	if _, err := r.ReadByte(); err == nil {
		return nil, nil, bad("more bytes than shape %v takes", h.Shape)
	} else if err != io.EOF {
		return nil, nil, err
	}
	if h.Fortran && len(h.Shape) > 1 {
		data = rowMajor(data, h.Shape)
	}
	return data, h.Shape, nil
}

// count returns the number of elements of an array of this shape; false if as many float32 numbers
// cannot be addressed or a dimension is negative.
func count(shape []int) (int, bool) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/4/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// readHeader returns the text of the header.
func readHeader(r io.Reader) (string, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:8]); err != nil {
		return "", cut(err, "in its first 8 bytes")
	}
	if string(head[:6]) != magic {
		return "", bad("begins with %q, want %q", head[:6], magic)
	}
	// Version 1 has a length of two bytes; version 3 is 2 in UTF-8.
	width := 4
	switch head[6] {
	case 1:
		width = 2
	case 2, 3:
	default:
		return "", bad("format version %d.%d, want 1, 2 or 3", head[6], head[7])
	}
	if _, err := io.ReadFull(r, head[8:8+width]); err != nil {
		return "", cut(err, "in its header's length")
	}
	n := binary.LittleEndian.Uint32(head[8:12])
	if n > maxHeader {
		return "", bad("header of %d bytes, want at most %d", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", cut(err, "in its header")
	}
	return string(text), nil
}

// element is how a file stores a number.
type element struct {
	size   int
	number func(p []byte) float64 // of the first size bytes
}

// elements are the types that are read, by their names in the header.
var elements = map[string]element{
	"<f4": {4, func(p []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(p))) }},
	">f4": {4, func(p []byte) float64 { return float64(math.Float32frombits(binary.BigEndian.Uint32(p))) }},
	"<f8": {8, func(p []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(p)) }},
	">f8": {8, func(p []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(p)) }},
}

// read reads n numbers and rounds each to the nearest float32. One that is finite and lies beyond
// the range of float32 is an error.
func (e element) read(r io.Reader, n int) ([]float32, error) {
	var buf [1 << 12]byte
	data := make([]float32, 0, min(n, len(buf)))
	for len(data) < n {
		p := buf[:e.size*min(n-len(data), len(buf)/e.size)]
		if got, err := io.ReadFull(r, p); err != nil {
			return nil, cut(err, fmt.Sprintf("after %d of %d numbers", len(data)+got/e.size, n))
		}
		for ; len(p) > 0; p = p[e.size:] {
			v := e.number(p)
			x := float32(v)
			if math.IsInf(float64(x), 0) && !math.IsInf(v, 0) {
				return nil, bad("number %d is %g, beyond float32", len(data), v)
			}
			data = append(data, x)
		}
	}
	return data, nil
}

// rowMajor returns the array of this shape whose elements x holds in Fortran's order, the first
// index fastest, in C's order, the last index fastest.
func rowMajor(x []float32, shape []int) []float32 {
	to := make([]float32, len(x))
	index := make([]int, len(shape))
	for i := range to {
		from, stride := 0, 1
		for d, k := range index {
			from += k * stride
			stride *= shape[d]
		}
		to[i] = x[from]
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return to
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// cut explains an error of io.ReadFull.
func cut(err error, where string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return bad("it ends %s", where)
	}
	return err
}

// Header is what a file says of its array.
type Header struct {
	Descr   string // of an element, such as <f4
	Fortran bool   // the first index runs fastest
	Shape   []int
}

// ParseHeader reads the literal of a Python dictionary with exactly the keys
// descr, fortran_order and shape.
func ParseHeader(text string) (h Header, err error) {
	p := &parser{rest: text}
	seen := map[string]bool{}
	p.expect("{")
	for !p.accept("}") {
		key := p.text()
		p.expect(":")
		switch key {
		case "descr":
			h.Descr = p.text()
		case "fortran_order":
			h.Fortran = p.boolean()
		case "shape":
			h.Shape = p.tuple()
		default:
			p.fail("key %q", key)
		}
		if p.err != nil {
			return Header{}, p.err
		}
		if seen[key] {
			return Header{}, bad("header: key %q comes twice", key)
		}
		seen[key] = true
		if !p.accept(",") {
			p.expect("}")
			break
		}
	}
	if p.space(); p.rest != "" {
		p.fail("%q after the dictionary", abridged(p.rest))
	}
	if len(seen) != 3 {
		p.fail("want the keys descr, fortran_order and shape, got %d of them", len(seen))
	}
	return h, p.err
}

// parser takes tokens off the front of rest. After the first error it takes no
// more.
type parser struct {
	rest string
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = bad("header: "+format, args...)
	}
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

func (p *parser) accept(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if p.err == nil && ok {
		p.rest = rest
	}
	return p.err == nil && ok
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		p.fail("want %q before %q", token, abridged(p.rest))
	}
}

// text takes a quoted string without escapes.
func (p *parser) text() string {
	for _, quote := range []string{"'", `"`} {
		if p.accept(quote) {
			s, rest, ok := strings.Cut(p.rest, quote)
			if !ok || strings.Contains(s, `\`) {
				break
			}
			p.rest = rest
			return s
		}
	}
	p.fail("want a string before %q", abridged(p.rest))
	return ""
}

func (p *parser) boolean() bool {
	if p.accept("True") {
		return true
	}
	p.expect("False")
	return false
}

// tuple takes (), (3,), (3, 4) and so on.
func (p *parser) tuple() []int {
	const most = 32 // NumPy's own limit for long
	shape := []int{}
	p.expect("(")
	for !p.accept(")") && p.err == nil {
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		d, err := strconv.Atoi(p.rest[:digits])
		if err != nil || len(shape) == most {
			p.fail("shape: dimension %d: %q", len(shape), abridged(p.rest))
			return nil
		}
		shape = append(shape, d)
		p.rest = p.rest[digits:]
		p.accept("L") // Python 2's long
		if !p.accept(",") {
			p.expect(")")
			break
		}
	}
	return shape
}

// abridged shortens s for a message.
func abridged(s string) string {
	if len(s) > 20 {
		return s[:20]
	}
	return s
}
