package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/internal/view"
)

// File is an open file whose header has been read and found consistent.
type File struct {
	Meta    map[string]string
	Tensors []Info // in the order of their data
	r       io.ReaderAt
	data    []byte  // the whole file, if it is in memory
	byName  []int32 // the tensors in the order of their names
}

// Open reads the header of a file of size bytes. The tensors have known types,
// distinct names and shapes that agree with their lengths, and they cover the
// data without gap or overlap; anything else is an error that wraps ErrFormat.
// The file goes on reading from r. Where it has checksums, as Write makes them, data
// that does not have its own is an error that wraps ErrFormat once it is read.
func Open(r io.ReaderAt, size int64) (*File, error) {
	return newFile(&File{Meta: map[string]string{}, r: r}, size)
}

// View opens a file that is in memory, as Open does. Nothing may write to it: tensors may be read
// in place, see Floats and Int8s.
func View(data []byte) (*File, error) {
	return newFile(&File{Meta: map[string]string{}, r: bytes.NewReader(data), data: data}, int64(len(data)))
}

func newFile(f *File, size int64) (*File, error) {
	var length [8]byte
	if size < int64(len(length)) {
		return nil, bad("%d bytes are too short", size)
	}
	if err := readAt(f.r, length[:], 0); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > uint64(size)-8 || n > maxHeader {
		return nil, bad("header of %d bytes in a file of %d", n, size)
	}
	if err := f.readHeader(int64(n)); err != nil {
		return nil, err
	}
	if err := f.cover(int64(8+n), size); err != nil {
		return nil, err
	}
	return f, f.takeChecksums()
}

// readHeader reads a header of n bytes: once to count what is in it, once to take that.
func (f *File) readHeader(n int64) error {
	var head []byte
	if f.data != nil {
		head = f.data[8:][:n]
	}
	t, err := scan(f.r, head, n).tally()
	if err == nil {
		err = t.check(n)
	}
	if err == nil {
		err = f.parse(scan(f.r, head, n), t)
	}
	if err != nil && !errors.Is(err, ErrFormat) {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	return err
}

// readAt fills b from offset at. A reader may report the end of the file together with its last
// bytes.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		return err
	}
	return nil
}

func bad(format string, args ...any) error {
	return fmt.Errorf("safetensors: %w: "+format, append([]any{ErrFormat}, args...)...)
}

// cover checks that the tensors fill the file from start to size.
func (f *File) cover(start, size int64) error {
	order := func(a, b Info) int {
		if c := cmp.Compare(a.offset, b.offset); c != 0 {
			return c
		}
		return cmp.Compare(a.size, b.size) // empty tensors first
	}
	if !slices.IsSortedFunc(f.Tensors, order) {
		slices.SortStableFunc(f.Tensors, order)
	}
	at := int64(0)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if t.offset != at {
			return bad("tensor %q begins at byte %d of the data, want %d", clip(t.Name), t.offset, at)
		}
		at += t.size
		t.offset += start
	}
	if at != size-start {
		return bad("%d bytes of data, the tensors take %d", size-start, at)
	}
	return f.index()
}

// Find returns the description of a tensor.
func (f *File) Find(name string) (Info, error) {
	i, ok := slices.BinarySearchFunc(f.byName, name, func(i int32, name string) int { return cmp.Compare(f.Tensors[i].Name, name) })
	if !ok {
		return Info{}, fmt.Errorf("safetensors: %w: %q", ErrMissing, clip(name))
	}
	return f.Tensors[f.byName[i]], nil
}

// find is Find of a tensor of n values, of one of the given types.
func (f *File) find(name string, n int, types ...DType) (Info, error) {
	t, err := f.Find(name)
	switch {
	case err != nil:
	case !slices.Contains(types, t.DType):
		err = fmt.Errorf("safetensors: tensor %q: type %s, want %s", name, t.DType, types)
	case n != t.Len():
		err = fmt.Errorf("safetensors: tensor %q: %d values, want %d", name, t.Len(), n)
	}
	return t, err
}

// Floats returns the values of an F32 or F16 tensor, the latter widened. If place is not nil they
// are these bytes of View's argument: of an F32 tensor, aligned to four bytes, on a little-endian
// machine.
func (f *File) Floats(name string) (values []float32, place []byte, err error) {
	return inPlace(f, name, F32, view.Float32s, f.ReadFloats)
}

// inPlace returns a tensor's values where they are, if it is of the type and see takes its bytes;
// else those that read copies.
func inPlace[T any](f *File, name string, is DType, see func([]byte) []T, read func(dst []T, name string) error) (values []T, place []byte, err error) {
	t, err := f.Find(name)
	if err != nil {
		return nil, nil, err
	}
	if place = f.place(t); t.DType == is {
		if v := see(place); v != nil {
			return v, place, t.check(crc32.Checksum(place, castagnoli))
		}
	}
	values = make([]T, t.Len())
	return values, nil, read(values, name)
}

// Int8s returns the values of an I8 tensor. If place is not nil they are these bytes of View's
// argument.
func (f *File) Int8s(name string) (values []int8, place []byte, err error) {
	return inPlace(f, name, I8, view.Int8s, f.ReadInt8s)
}

// place is where a tensor stands in memory, nil if the file is not there.
func (f *File) place(t Info) []byte {
	if f.data == nil {
		return nil
	}
	return f.data[t.offset:][:t.size:t.size]
}

// ReadFloats reads an F32 or F16 tensor, the latter widened, into dst, which must have its length.
func (f *File) ReadFloats(dst []float32, name string) error {
	t, err := f.find(name, len(dst), F32, F16)
	if err != nil {
		return err
	}
	return f.stream(t, func(b []byte) {
		if t.DType == F16 {
			for ; len(b) > 0; b, dst = b[2:], dst[1:] {
				dst[0] = half.Widen(binary.LittleEndian.Uint16(b))
			}
			return
		}
		for ; len(b) > 0; b, dst = b[4:], dst[1:] {
			dst[0] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		}
	})
}

// ReadInt8s reads an I8 tensor into dst, which must have its length.
func (f *File) ReadInt8s(dst []int8, name string) error {
	t, err := f.find(name, len(dst), I8)
	if err != nil {
		return err
	}
	return f.stream(t, func(b []byte) {
		for i, v := range b {
			dst[i] = int8(v)
		}
		dst = dst[len(b):]
	})
}

// stream gives a tensor's data to use in pieces of whole elements, and then compares its checksum.
func (f *File) stream(t Info, use func(b []byte)) error {
	buf, sum := make([]byte, min(chunk, t.size)), uint32(0)
	for done := int64(0); done < t.size; done += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), t.size-done)]
		if err := readAt(f.r, buf, t.offset+done); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
		}
		sum = crc32.Update(sum, castagnoli, buf)
		use(buf)
	}
	return t.check(sum)
}

// Verify reads a tensor's data and returns an error if they do not have their checksum.
func (f *File) Verify(name string) error {
	t, err := f.Find(name)
	if err != nil {
		return err
	}
	if place := f.place(t); place != nil {
		return t.check(crc32.Checksum(place, castagnoli))
	}
	return f.stream(t, func([]byte) {})
}

// ReadRaw returns a tensor's bytes.
func (f *File) ReadRaw(name string) ([]byte, error) {
	t, err := f.Find(name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, t.size)
	if err := readAt(f.r, b, t.offset); err != nil {
		return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
	}
	return b, t.check(crc32.Checksum(b, castagnoli))
}
