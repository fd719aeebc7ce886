package npz

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gantiny/gantiny/model"
)

// Options say how an archive is written.
type Options struct {
	Compress bool // by deflate; numpy reads both
}

// Write writes a model's parameters: float32, int8 or int32 in their shapes, each under its name.
// The same model gives the same bytes.
func Write(w io.Writer, m *model.Model, o Options) error {
	params, err := m.ReadParams()
	if err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	z := zip.NewWriter(w)
	for _, p := range params {
		h := &zip.FileHeader{Name: p.Name + ".npy", Method: zip.Store}
		if o.Compress {
			h.Method = zip.Deflate
		}
		entry, err := z.CreateHeader(h)
		if err != nil {
			return fmt.Errorf("npz: %w", err)
		}
		if err := writeArray(entry, p); err != nil {
			return fmt.Errorf("npz: %s: %w", p.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	return nil
}

// writeArray writes one array in version 1.0 of numpy's format.
func writeArray(w io.Writer, p *model.Param) error {
	descr := "<f4"
	switch {
	case p.Int8 != nil:
		descr = "|i1"
	case p.Int32 != nil:
		descr = "<i4"
	}
	if _, err := w.Write(header(descr, p.Shape)); err != nil {
		return err
	}
	var buf [1 << 12]byte
	flush := func(n int) error {
		_, err := w.Write(buf[:n])
		return err
	}
	for i := 0; i < p.Len(); {
		n := 0
		for ; i < p.Len() && n+4 <= len(buf); i++ {
			switch {
			case p.Int8 != nil:
				buf[n] = byte(p.Int8[i])
				n++
			case p.Int32 != nil:
				binary.LittleEndian.PutUint32(buf[n:], uint32(p.Int32[i]))
				n += 4
			default:
				binary.LittleEndian.PutUint32(buf[n:], math.Float32bits(p.Data[i]))
				n += 4
			}
		}
		if err := flush(n); err != nil {
			return err
		}
	}
	return nil
}

// header is what comes before the numbers.
func header(descr string, shape []int) []byte {
	const magic, align = "\x93NUMPY\x01\x00", 64 // of the data's beginning
	var dims strings.Builder
	for _, d := range shape {
		fmt.Fprintf(&dims, "%d, ", d)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims.String())
	text += strings.Repeat(" ", (align-(len(magic)+2+len(text)+1)%align)%align) + "\n"
	head := binary.LittleEndian.AppendUint16([]byte(magic), uint16(len(text)))
	return append(head, text...)
}
