package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"github.com/gantiny/gantiny/internal/half"
)

// maxHeader is the longest header that the format allows.
const maxHeader = 100_000_000

// File is an open file whose header has been read and found consistent.
type File struct {
	Meta    map[string]string
	Tensors []Info // in the order of their data
	r       io.ReaderAt
	data    []byte // the whole file, if it is in memory
	byName  map[string]int
}

// Open reads the header of a file of size bytes. The tensors have known types,
// distinct names and shapes that agree with their lengths, and they cover the
// data without gap or overlap; anything else is an error that wraps ErrFormat.
// The file goes on reading from r. Where it has checksums, as Write makes them, data
// that does not have its own is an error that wraps ErrFormat once it is read.
func Open(r io.ReaderAt, size int64) (*File, error) {
	var length [8]byte
	if size < int64(len(length)) {
		return nil, bad("%d bytes are too short", size)
	}
	if err := readAt(r, length[:], 0); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > uint64(size)-8 || n > maxHeader {
		return nil, bad("header of %d bytes in a file of %d", n, size)
	}
	head := make([]byte, n)
	if err := readAt(r, head, 8); err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	f := &File{Meta: map[string]string{}, r: r, byName: map[string]int{}}
	if err := f.parse(head); err != nil {
		return nil, err
	}
	if err := f.cover(int64(8+n), size); err != nil {
		return nil, err
	}
	if err := f.takeChecksums(); err != nil {
		return nil, err
	}
	return f, nil
}

// View opens a file that is in memory, as Open does. Nothing may write to it: tensors may be read in place, see Floats and Int8s.
func View(data []byte) (*File, error) {
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err == nil {
		f.data = data
	}
	return f, err
}

// readAt fills b from offset at. A reader may report the end of the file together with its last bytes.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		return err
	}
	return nil
}

func bad(format string, args ...any) error {
	return fmt.Errorf("safetensors: %w: "+format, append([]any{ErrFormat}, args...)...)
}

// parse reads the header's object key by key: a map would hide a repeated name.
func (f *File) parse(head []byte) error {
	d := json.NewDecoder(bytes.NewReader(head))
	err := object(d, func(name string) error {
		if name == metadata {
			return f.parseMeta(d)
		}
		return f.parseTensor(d, name)
	})
	if err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("data after the header's object")
	}
	return nil
}

// object reads an object, of which value reads what follows each key.
func object(d *json.Decoder, value func(key string) error) error {
	if err := delim(d, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return bad("header: %v", err)
		}
		key := t.(string) // the decoder lets nothing else stand for a key
		if seen[key] {
			return bad("header: %q twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return delim(d, '}')
}

func delim(d *json.Decoder, want json.Delim) error {
	if t, err := d.Token(); err != nil {
		return bad("header: %v", err)
	} else if t != want {
		return bad("header: %v in place of %v", t, want)
	}
	return nil
}

func (f *File) parseMeta(d *json.Decoder) error {
	return object(d, func(name string) error {
		t, err := d.Token()
		if err != nil {
			return bad("header: %v", err)
		}
		s, ok := t.(string)
		if !ok {
			return bad("metadata %q is no string", name)
		}
		f.Meta[name] = s
		return nil
	})
}

func (f *File) parseTensor(d *json.Decoder, name string) error {
	t := Info{Name: name}
	var offsets []int
	err := object(d, func(field string) (err error) {
		switch field {
		case "dtype":
			var s string
			err = d.Decode(&s)
			t.DType = DType(s)
		case "shape":
			t.Shape, err = counts(d)
		case "data_offsets":
			offsets, err = counts(d)
		default:
			err = fmt.Errorf("unknown field %q", field)
		}
		if err != nil {
			return bad("tensor %q: %v", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	elem := t.DType.Size()
	if elem == 0 {
		return bad("tensor %q: unknown type %q", name, t.DType)
	}
	n, ok := length(t.Shape, elem)
	if !ok || t.Shape == nil {
		return bad("tensor %q: bad shape %v", name, t.Shape)
	}
	if len(offsets) != 2 || offsets[1] < offsets[0] || offsets[1]-offsets[0] != n*elem {
		return bad("tensor %q: bytes %v for %s %v", name, offsets, t.DType, t.Shape)
	}
	t.offset, t.size = int64(offsets[0]), int64(n*elem)
	f.Tensors = append(f.Tensors, t)
	return nil
}

// counts reads a list of non-negative integers.
func counts(d *json.Decoder) ([]int, error) {
	var raw []json.Number
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, fmt.Errorf("null in place of a list")
	}
	list := make([]int, len(raw))
	for i, s := range raw {
		n, err := strconv.Atoi(s.String())
		if err != nil || n < 0 {
			return nil, fmt.Errorf("bad count %q", s)
		}
		list[i] = n
	}
	return list, nil
}

// cover checks that the tensors fill the file from start to size.
func (f *File) cover(start, size int64) error {
	slices.SortStableFunc(f.Tensors, func(a, b Info) int {
		if a.offset != b.offset {
			return int(max(-1, min(1, a.offset-b.offset)))
		}
		return int(max(-1, min(1, a.size-b.size))) // empty tensors first
	})
	at := int64(0)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if t.offset != at {
			return bad("tensor %q begins at byte %d of the data, want %d", t.Name, t.offset, at)
		}
		at += t.size
		t.offset += start
		f.byName[t.Name] = i
	}
	if at != size-start {
		return bad("%d bytes of data, the tensors take %d", size-start, at)
	}
	return nil
}

// Find returns the description of a tensor.
func (f *File) Find(name string) (Info, error) {
	i, ok := f.byName[name]
	if !ok {
		return Info{}, fmt.Errorf("safetensors: %w: %q", ErrMissing, name)
	}
	return f.Tensors[i], nil
}

// Floats returns the values of an F32 or F16 tensor, the latter widened. If place is not nil they are these bytes of View's
// argument: of an F32 tensor, aligned to four bytes, on a little-endian machine.
func (f *File) Floats(name string) (values []float32, place []byte, err error) {
	t, err := f.Find(name)
	if err != nil {
		return nil, nil, err
	}
	if place = f.place(t); len(place) > 0 && t.DType == F32 && littleEndian {
		first := unsafe.Pointer(unsafe.SliceData(place))
		if uintptr(first)%unsafe.Alignof(float32(0)) == 0 {
			return unsafe.Slice((*float32)(first), t.Len()), place, t.check(crc32.Checksum(place, castagnoli))
		}
	}
	values = make([]float32, t.Len())
	return values, nil, f.ReadFloats(values, name)
}

// Int8s returns the values of an I8 tensor. If place is not nil they are these bytes of View's argument.
func (f *File) Int8s(name string) (values []int8, place []byte, err error) {
	t, err := f.Find(name)
	if err != nil {
		return nil, nil, err
	}
	if place = f.place(t); len(place) > 0 && t.DType == I8 {
		return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(place))), len(place)), place, t.check(crc32.Checksum(place, castagnoli))
	}
	values = make([]int8, t.Len())
	return values, nil, f.ReadInt8s(values, name)
}

// place is where a tensor stands in memory, nil if the file is not there.
func (f *File) place(t Info) []byte {
	if f.data == nil {
		return nil
	}
	return f.data[t.offset:][:t.size:t.size]
}

// littleEndian tells whether this machine orders bytes as the format does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// ReadFloats reads an F32 or F16 tensor, the latter widened, into dst, which must have its length.
func (f *File) ReadFloats(dst []float32, name string) error {
	t, err := f.Find(name)
	if err != nil {
		return err
	}
	if t.DType != F32 && t.DType != F16 {
		return fmt.Errorf("safetensors: tensor %q: type %s where floats were wanted", name, t.DType)
	}
	if len(dst) != t.Len() {
		return fmt.Errorf("safetensors: tensor %q: %d values, want %d", name, t.Len(), len(dst))
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
	t, err := f.Find(name)
	if err != nil {
		return err
	}
	if t.DType != I8 {
		return fmt.Errorf("safetensors: tensor %q: type %s where I8 was wanted", name, t.DType)
	}
	if len(dst) != t.Len() {
		return fmt.Errorf("safetensors: tensor %q: %d values, want %d", name, t.Len(), len(dst))
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
