package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gantiny/gantiny/internal/atomicfile"
)

// WriteHeader writes what comes before the numbers of an array of this shape.
// WriteFloats writes these, in as many calls as one likes.
func WriteHeader(w io.Writer, shape ...int) error { return WriteHeaderOf(w, "<f4", shape...) }

// WriteHeaderOf is WriteHeader of an array of another type: what numpy calls it, such as |u1 for
// uint8 and <i4 for int32. The caller writes the numbers.
func WriteHeaderOf(w io.Writer, descr string, shape ...int) error {
	const align = 64 // of the data's beginning
	dims := make([]string, len(shape))
	for i, d := range shape {
		if d < 0 {
			return fmt.Errorf("npy: dimension %d is %d", i, d)
		}
		dims[i] = fmt.Sprint(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(dims) == 1 {
		tuple += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	before := len(magic) + 2 + 2
	spaces := (align - (before+len(text)+1)%align) % align
	text += strings.Repeat(" ", spaces) + "\n"
	if len(text) > math.MaxUint16 {
		return errors.New("npy: too many dimensions")
	}
	head := append([]byte(magic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(text)))
	_, err := w.Write(append(head, text...))
	return err
}

// WriteFloats writes x.
func WriteFloats(w io.Writer, x []float32) error {
	var buf [1 << 12]byte
	for len(x) > 0 {
		n := min(len(x), len(buf)/4)
		for i, v := range x[:n] {
			binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(v))
		}
		if _, err := w.Write(buf[:4*n]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

// WriteFile makes the array of this shape the contents of path.
func WriteFile(path string, data []float32, shape ...int) error {
	if n, ok := count(shape); !ok || n != len(data) {
		return fmt.Errorf("npy: %s: %d numbers for shape %v", path, len(data), shape)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if err := WriteHeader(w, shape...); err != nil {
			return err
		}
		return WriteFloats(w, data)
	})
}
