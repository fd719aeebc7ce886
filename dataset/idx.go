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
	"os"
	"path/filepath"
	"strings"
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
	return readIDX(name, r, -1)
}

// readIDX is ReadIDX for size bytes, -1 where that is not known.
func readIDX(name string, r io.Reader, size int64) (dims []int, data []uint8, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	in := &idxReader{name: name, r: br}
	if magic, _ := br.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		size = -1
		zr, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, in.fail(0, err)
		}
		in.r = zr
	}

	var head [4 + 4*maxIDXDims]byte
	if err := in.read(head[:4]); err != nil {
		return nil, nil, err
	}
	n := int(head[3])
	switch {
	case head[0] != 0 || head[1] != 0:
		return nil, nil, in.bad(0, "begins with % x, want 00 00", head[:2])
	case head[2] != idxBytes:
		return nil, nil, in.bad(2, "element type %#02x, want %#02x (unsigned bytes)", head[2], idxBytes)
	case n == 0 || n > maxIDXDims:
		return nil, nil, in.bad(3, "%d dimensions, want 1 to %d", n, maxIDXDims)
	}
	if err := in.read(head[4 : 4+4*n]); err != nil {
		return nil, nil, err
	}
	total := uint64(1)
	for i := range n {
		at := 4 + 4*i
		d := binary.BigEndian.Uint32(head[at:])
		if d == 0 {
			return nil, nil, in.bad(int64(at), "dimension %d is 0", i)
		}
		if uint64(d) > math.MaxInt/total {
			return nil, nil, in.bad(int64(at), "dimension %d is %d: too large", i, d)
		}
		total *= uint64(d)
		dims = append(dims, int(d))
	}
	if left := uint64(max(size-in.offset, 0)); size >= 0 && left < total {
		return nil, nil, in.bad(size, "truncated: the header promises %d more bytes", total-left)
	}
	data, err = in.readAll(int(total), size >= 0)
	if err != nil {
		return nil, nil, err
	}
	return dims, data, in.end()
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
	total := 1
	for _, d := range dims {
		head = binary.BigEndian.AppendUint32(head, uint32(d))
		total *= d
	}
	if total != len(data) || len(dims) > maxIDXDims {
		panic("dataset: WriteIDX: data and dimensions disagree")
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// readImages reads an IDX file of (N, H, W) or (N, H, W, C).
func readImages(name string, r io.Reader, size int64) (*Dataset, error) {
	dims, data, err := readIDX(name, r, size)
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
	if dims[3] != 1 && dims[3] != 3 {
		return nil, in.bad(16, "%d channels, want 1 or 3", dims[3])
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
func (d *Dataset) readLabels(name string, r io.Reader, size int64) error {
	dims, data, err := readIDX(name, r, size)
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
	d.Labels = data
	return nil
}

// openImages reads IDX files; labels may be "".
func openImages(images, labels string) (*Dataset, error) {
	var d *Dataset
	err := withFile(images, func(f io.Reader, size int64) (err error) {
		d, err = readImages(images, f, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.Name = baseName(images)
	if labels == "" {
		return d, nil
	}
	return d, withFile(labels, func(f io.Reader, size int64) error { return d.readLabels(labels, f, size) })
}

// withFile opens path; the size is -1 for a pipe and the like.
func withFile(path string, use func(f io.Reader, size int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return use(f, size)
}

// idxName is the usual name of a split's file of images or labels.
func idxName(s Split, what string) string {
	prefix, rank := "train", 3
	if s == Test {
		prefix = "t10k"
	}
	if what == "labels" {
		rank = 1
	}
	return fmt.Sprintf("%s-%s-idx%d-ubyte", prefix, what, rank)
}

// findIDX returns the paths of a split's files in dir, "" where there is none.
// Some archives have a dot for the hyphen before idx.
func findIDX(dir string, s Split) (images, labels string) {
	find := func(what string) string {
		name := idxName(s, what)
		for _, n := range []string{name, strings.Replace(name, "-idx", ".idx", 1)} {
			for _, ext := range []string{"", ".gz"} {
				path := filepath.Join(dir, n+ext)
				if info, err := os.Stat(path); err == nil && !info.IsDir() {
					return path
				}
			}
		}
		return ""
	}
	return find("images"), find("labels")
}

// labelsBeside returns the labels' file that goes with a file of images, "" if
// there is none.
func labelsBeside(images string) string {
	dir, base := filepath.Split(images)
	name := strings.Replace(strings.Replace(base, "images", "labels", 1), "idx3", "idx1", 1)
	if name == base {
		return ""
	}
	if info, err := os.Stat(dir + name); err != nil || info.IsDir() {
		return ""
	}
	return dir + name
}
