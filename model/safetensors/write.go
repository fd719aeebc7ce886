package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/half"
)

// metadata is the header's key that holds strings and no tensor.
const metadata = "__metadata__"

// chunk is the size of the buffer through which values are converted.
const chunk = 64 << 10

// Write writes a file. Tensors of wider types come first, so that all are
// aligned to their elements; otherwise they keep their order. The metadata gets
// checksums of all that is written. The same input gives the same bytes.
func Write(w io.Writer, meta map[string]string, tensors []Tensor) error {
	order := make([]*Tensor, len(tensors))
	for i := range tensors {
		order[i] = &tensors[i]
	}
	slices.SortStableFunc(order, func(a, b *Tensor) int { return b.DType.Size() - a.DType.Size() })
	entries, err := entriesOf(order)
	if err != nil {
		return err
	}
	buf := make([]byte, 0, chunk)
	head, err := header(withChecksums(meta, order, buf), order, entries)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for _, t := range order {
		if err := t.write(w, buf); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// entriesOf returns the tensors' values in the header, after checking that they can be written.
func entriesOf(tensors []*Tensor) ([]entry, error) {
	entries := make([]entry, len(tensors))
	seen := map[string]bool{metadata: true}
	at := 0
	for i, t := range tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("safetensors: tensor %q: the name is taken", t.Name)
		}
		seen[t.Name] = true
		n, err := t.bytes()
		if err != nil {
			return nil, err
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		entries[i] = entry{t.DType, shape, [2]int{at, at + n}}
		at += n
	}
	return entries, nil
}

// header returns what precedes the data: the length and the JSON object, padded
// with spaces to a multiple of 8 bytes.
func header(meta map[string]string, tensors []*Tensor, entries []entry) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	field := func(key string, value any) error {
		if b.Len() > 8+1 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		v, err := json.Marshal(value)
		if err != nil {
			return err
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
		return nil
	}
	if err := field(metadata, meta); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	for i, t := range tensors {
		if err := field(t.Name, entries[i]); err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
		}
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	head := b.Bytes()
	binary.LittleEndian.PutUint64(head, uint64(len(head)-8))
	return head, nil
}

// entry is a tensor's value in the header.
type entry struct {
	DType   DType  `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// write writes the values through buf, which is empty and has some capacity.
func (t *Tensor) write(w io.Writer, buf []byte) error {
	if t.Floats == nil {
		_, err := w.Write(t.Raw)
		return err
	}
	for x := t.Floats; len(x) > 0; {
		n := min(len(x), cap(buf)/t.DType.Size())
		b := buf
		for _, v := range x[:n] {
			if t.DType == F16 {
				b = binary.LittleEndian.AppendUint16(b, half.Narrow(v))
			} else {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}
