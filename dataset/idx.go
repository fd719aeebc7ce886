package dataset

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrFormat is what errors about the contents of an IDX file wrap.
var ErrFormat = errors.New("bad IDX file")

// The IDX header: two zero bytes, the type of an element, the number of
// dimensions, and each dimension as a big-endian 32-bit number (LeCun, "The
// MNIST database").
const (
	idxBytes   = 0x08 // unsigned bytes, the one type that is read
	maxIDXDims = 4
)

// ReadIDX reads one array of bytes in the IDX format, gzipped or plain. Errors
// begin with name and the offset of the byte that is wrong; within gzip it
// counts uncompressed bytes. Memory grows with what has really been read,
// whatever the header promises, and no byte may follow the array.
func ReadIDX(r io.Reader, name string) (dims []int, data []uint8, err error) {
	return readIDX(name, r, -1, func(int64) int64 { return math.MaxInt64 })
}

// readIDX is ReadIDX for a file of size bytes, -1 where that is not known. limit tells how many
// bytes it may take if it needs so many.
func readIDX(name string, r io.Reader, size int64, limit func(need int64) int64) (dims []int, data []uint8, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	in := &idxReader{name: name, r: br}
	holds := size // bytes that may come, -1 for no telling
	if magic, _ := br.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		zr, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, in.fail(0, err)
		}
		in.r = zr
		if size >= 0 {
			holds = size * mostDeflated
		}
	}
	zipped := in.r != io.Reader(br)
	dims, total, err := in.header()
	if err != nil {
		return nil, nil, err
	}
	switch left := max(holds-in.offset, 0); {
	case size >= 0 && !zipped && left < total:
		return nil, nil, in.bad(size, "truncated: the header promises %d more bytes", total-left)
	case size >= 0 && left < total:
		return nil, nil, in.bad(in.offset, "truncated: the header promises %d more bytes, a gzip file of %d cannot hold them", total, size)
	}
	// A gzip file of real pictures is some 2 to 20 times smaller than what it holds. One that
	// shrank more gets its memory as its bytes come, which takes twice as much at the end.
	known := size >= 0 && (!zipped || total/usualRatio <= size)
	need := total
	if !known {
		need = 2 * min(total, math.MaxInt64/2)
	}
	if most := limit(need); need > most {
		return nil, nil, exceeds(name, need, most)
	}
	if data, err = in.readAll(int(total), known); err != nil {
		return nil, nil, err
	}
	return dims, data, in.end()
}

// mostDeflated is how many bytes DEFLATE makes of one at most.
const mostDeflated = 1032

// header reads what comes before the elements: the dimensions, and their product.
func (in *idxReader) header() (dims []int, size int64, err error) {
	var head [4 + 4*maxIDXDims]byte
	if err := in.read(head[:4]); err != nil {
		return nil, 0, err
	}
	n := int(head[3])
	switch {
	case head[0] != 0 || head[1] != 0:
		return nil, 0, in.bad(0, "begins with % x, want 00 00", head[:2])
	case head[2] != idxBytes:
		return nil, 0, in.bad(2, "element type %#02x, want %#02x (unsigned bytes)", head[2], idxBytes)
	case n == 0 || n > maxIDXDims:
		return nil, 0, in.bad(3, "%d dimensions, want 1 to %d", n, maxIDXDims)
	}
	if err := in.read(head[4 : 4+4*n]); err != nil {
		return nil, 0, err
	}
	total := uint64(1)
	for i := range n {
		at := 4 + 4*i
		d := binary.BigEndian.Uint32(head[at:])
		if d == 0 {
			return nil, 0, in.bad(int64(at), "dimension %d is 0", i)
		}
		if uint64(d) > math.MaxInt/total {
			return nil, 0, in.bad(int64(at), "dimension %d is %d: too large", i, d)
		}
		total *= uint64(d)
		dims = append(dims, int(d))
	}
	return dims, int64(total), nil
}

// idxReader reads and keeps count for error messages.
type idxReader struct {
	name   string
	r      io.Reader
	offset int64 // bytes read, after decompression
}

// read fills p.
func (in *idxReader) read(p []byte) error {
	n, err := io.ReadFull(in.r, p)
	in.offset += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return in.bad(in.offset, "truncated: %d more bytes expected here", len(p)-n)
	}
	if err != nil {
		return in.fail(in.offset, err)
	}
	return nil
}

// readAll reads n bytes. Unless they are known to be there, it begins with
// little memory and doubles it as they come.
func (in *idxReader) readAll(n int, known bool) ([]byte, error) {
	const first = 1 << 16
	size := n
	if !known {
		size = min(n, first)
	}
	data := make([]byte, size)
	for done := 0; ; {
		got, err := io.ReadFull(in.r, data[done:])
		done += got
		in.offset += int64(got)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, in.bad(in.offset, "truncated: the header promises %d more bytes", n-done)
		}
		if err != nil {
			return nil, in.fail(in.offset, err)
		}
		if done == n {
			return data, nil
		}
		larger := make([]byte, done+min(done, n-done))
		copy(larger, data)
		data = larger
	}
}

// end makes sure that nothing follows, which also checks gzip's checksum.
func (in *idxReader) end() error {
	var one [1]byte
	switch n, err := io.ReadFull(in.r, one[:]); {
	case n > 0:
		return in.bad(in.offset, "more bytes than the header promises")
	case err != io.EOF:
		return in.fail(in.offset, err)
	}
	return nil
}

func (in *idxReader) bad(at int64, format string, args ...any) error {
	return fmt.Errorf("dataset: %s: byte %d: %w: %s", in.name, at, ErrFormat, fmt.Sprintf(format, args...))
}

// fail reports a reader's error: one of gzip's is the file's fault.
func (in *idxReader) fail(at int64, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == gzip.ErrHeader && at > 0:
		return in.bad(at, "bytes that are no gzip follow the compressed ones")
	case err == io.EOF, err == io.ErrUnexpectedEOF, err == gzip.ErrHeader, err == gzip.ErrChecksum, errors.As(err, &corrupt):
		return fmt.Errorf("dataset: %s: byte %d: %w: %w", in.name, at, ErrFormat, err)
	}
	return fmt.Errorf("dataset: %s: byte %d: %w", in.name, at, err)
}

// WriteIDX writes data, an array of dims, in the IDX format.
func WriteIDX(w io.Writer, data []uint8, dims ...int) error {
	head := []byte{0, 0, idxBytes, byte(len(dims))}
	total := uint64(1)
	for _, d := range dims {
		if d < 1 || uint64(d) > math.MaxUint32 || total > math.MaxInt {
			panic("dataset: WriteIDX: dimension out of range")
		}
		head = binary.BigEndian.AppendUint32(head, uint32(d))
		total *= uint64(d)
	}
	if total != uint64(len(data)) || len(dims) > maxIDXDims {
		panic("dataset: WriteIDX: data and dimensions disagree")
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// readIDX reads an IDX file within the memory that is left, until the context ends.
func (l *loader) readIDX(name string, r io.Reader, size int64) (dims []int, data []uint8, err error) {
	return readIDX(name, &stoppable{l.ctx, r}, size, func(need int64) int64 { return l.share(l.limit, need, max(size, 0)) })
}

// readImages reads an IDX file of (N, H, W) or (N, H, W, C).
func (l *loader) readImages(name string, r io.Reader, size int64) (*Dataset, error) {
	dims, data, err := l.readIDX(name, r, size)
	if err != nil {
		return nil, err
	}
	in := &idxReader{name: name}
	if len(dims) != 3 && len(dims) != 4 {
		return nil, in.bad(3, "%d dimensions, want 3 (images, height, width) or 4 (and channels)", len(dims))
	}
	if len(dims) == 3 {
		dims = append(dims, 1)
	}
	if dims[3] > 4 {
		return nil, in.bad(16, "%d channels, want 1 to 4", dims[3])
	}
	if dims[1] > maxSide || dims[2] > maxSide {
		return nil, in.bad(8, "images of %dx%d, want at most %d a side", dims[1], dims[2], maxSide)
	}
	if dims[0] > math.MaxInt32 {
		return nil, in.bad(4, "%d images, want at most %d", dims[0], math.MaxInt32)
	}
	return &Dataset{N: dims[0], H: dims[1], W: dims[2], C: dims[3], Pix: data, Name: name}, nil
}

// readLabels reads the IDX file of d's labels.
func (l *loader) readLabels(d *Dataset, name string, r io.Reader, size int64) error {
	dims, data, err := l.readIDX(name, r, size)
	if err != nil {
		return err
	}
	in := &idxReader{name: name}
	if len(dims) != 1 {
		return in.bad(3, "%d dimensions, want 1 (labels)", len(dims))
	}
	if dims[0] != d.N {
		return in.bad(4, "%d labels, want %d, one an image", dims[0], d.N)
	}
	d.Labels = make([]int32, d.N)
	for i, v := range data {
		d.Labels[i] = int32(v)
	}
	return nil
}
