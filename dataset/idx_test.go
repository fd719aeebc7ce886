package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func idxFile(t testing.TB, data []uint8, dims ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteIDX(&b, data, dims...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ramp returns n bytes that differ from place to place.
func ramp(n int) []uint8 {
	p := make([]uint8, n)
	for i := range p {
		p[i] = uint8(i*7 + i/256)
	}
	return p
}

func TestIDXRoundTrip(t *testing.T) {
	for _, dims := range [][]int{{1}, {10}, {2, 3}, {5, 4, 3}, {2, 4, 4, 3}, {300, 28, 28}} {
		n := 1
		for _, d := range dims {
			n *= d
		}
		want := ramp(n)
		plain := idxFile(t, want, dims...)
		for _, file := range [][]byte{plain, zipped(t, plain)} {
			gotDims, got, err := ReadIDX(bytes.NewReader(file), "f")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(gotDims, dims) || !bytes.Equal(got, want) {
				t.Errorf("%v came back as %v, data equal: %v", dims, gotDims, bytes.Equal(got, want))
			}
		}
	}
}

func TestIDXErrors(t *testing.T) {
	good := idxFile(t, ramp(2*3*4), 2, 3, 4) // 16 + 24 bytes
	with := func(at int, b ...byte) []byte {
		p := bytes.Clone(good)
		copy(p[at:], b)
		return p
	}
	for _, c := range []struct {
		name string
		file []byte
		want string // after the file's name
	}{
		{"empty", nil, "byte 0: bad IDX file: truncated: 4 more"},
		{"magic cut", good[:3], "byte 3: bad IDX file: truncated: 1 more"},
		{"header cut", good[:10], "byte 10: bad IDX file: truncated: 6 more"},
		{"data cut", good[:30], "byte 30: bad IDX file: truncated: the header promises 10 more"},
		{"no data", good[:16], "byte 16: bad IDX file: truncated: the header promises 24 more"},
		{"trailing", append(bytes.Clone(good), 9), "byte 40: bad IDX file: more bytes"},
		{"magic", with(0, 1), "byte 0: bad IDX file: begins with 01 00"},
		{"floats", with(2, 0x0d), "byte 2: bad IDX file: element type 0x0d"},
		{"no dimensions", with(3, 0), "byte 3: bad IDX file: 0 dimensions"},
		{"dimensions", with(3, 200), "byte 3: bad IDX file: 200 dimensions"},
		{"zero", with(4, 0, 0, 0, 0), "byte 4: bad IDX file: dimension 0 is 0"},
		{"one more", with(4, 0, 0, 0, 3), "byte 40: bad IDX file: truncated: the header promises 12 more"},
		{"overflow", with(4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255), ": too large"},
	} {
		// Plain, of a known size and not, and within gzip: the same words.
		_, _, plain := readIDX("dir/f", bytes.NewReader(c.file), int64(len(c.file)), func(int64) int64 { return math.MaxInt64 })
		_, _, piped := ReadIDX(bytes.NewReader(c.file), "dir/f")
		_, _, inner := ReadIDX(bytes.NewReader(zipped(t, c.file)), "dir/f")
		for _, err := range []error{plain, piped, inner} {
			if !errors.Is(err, ErrFormat) || !strings.HasPrefix(err.Error(), "dataset: dir/f: byte ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

func TestIDXGzipErrors(t *testing.T) {
	plain := idxFile(t, bytes.Repeat([]byte{1, 2, 3}, 1000), 3000)
	good := zipped(t, plain)
	sum := bytes.Clone(good)
	sum[len(sum)-8] ^= 1
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"cut", good[:len(good)/2], "truncated"},
		{"trailer cut", good[:len(good)-1], "byte 3008: bad IDX file: unexpected EOF"},
		{"checksum", sum, "byte 3008: bad IDX file: gzip: invalid checksum"},
		{"not gzip", []byte{0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "byte 0: bad IDX file: gzip: invalid header"},
		{"tail", append(bytes.Clone(good), "0123456789"...), "byte 3008: bad IDX file: bytes that are no gzip"},
		{"second stream", append(bytes.Clone(good), good...), "byte 3008: bad IDX file: more bytes"},
	} {
		_, _, err := ReadIDX(bytes.NewReader(c.file), "f.gz")
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "f.gz: byte ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A header may promise anything: memory follows what is there.
func TestIDXAllocation(t *testing.T) {
	huge := idxFile(t, ramp(3), 3, 1, 1)
	copy(huge[4:], []byte{0, 0, 0x7f, 0xff, 0, 0, 0, 255, 0, 0, 0, 255}) // 2.1 GB
	bomb := zipped(t, append(idxFile(t, ramp(3), 3, 1, 1), make([]byte, 8<<20)...))
	for name, file := range map[string][]byte{"huge": huge, "huge.gz": zipped(t, huge), "bomb.gz": bomb} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := ReadIDX(bytes.NewReader(file), name)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, used)
		}
	}
}

func TestOpenIDX(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, p []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), p, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	open := func(spec string, s Split) *Dataset {
		t.Helper()
		d, err := Open(spec, Options{Split: s})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	pix := ramp(5 * 4 * 3)
	put("train-images-idx3-ubyte.gz", zipped(t, idxFile(t, pix, 5, 4, 3)))
	d := open(dir, "")
	if d.N != 5 || d.H != 4 || d.W != 3 || d.C != 1 || !bytes.Equal(d.Pix, pix) || d.Labels != nil || d.Name != filepath.Base(dir) {
		t.Errorf("got %+v", d)
	}
	if !bytes.Equal(d.Image(4), pix[48:]) {
		t.Error("image 4 is another")
	}
	put("train-labels-idx1-ubyte", idxFile(t, []uint8{3, 1, 4, 1, 5}, 5))
	if d = open(dir, Train); !slices.Equal(d.Labels, []int32{3, 1, 4, 1, 5}) {
		t.Errorf("labels %v", d.Labels)
	}
	put("t10k-images.idx3-ubyte", idxFile(t, ramp(12), 1, 4, 3))
	put("t10k-labels.idx1-ubyte", idxFile(t, []uint8{9}, 1))
	if d = open(dir, Test); d.N != 1 || !slices.Equal(d.Labels, []int32{9}) {
		t.Errorf("test split: %+v", d)
	}
	file := filepath.Join(dir, "t10k-images.idx3-ubyte")
	if d = open(file, ""); d.N != 1 || !slices.Equal(d.Labels, []int32{9}) {
		t.Errorf("one file: %+v", d)
	}

	for _, c := range []struct {
		images, labels []byte
		want           string
	}{
		{idxFile(t, ramp(6), 6), nil, "t10k-images.idx3-ubyte: byte 3: bad IDX file: 1 dimensions"},
		{idxFile(t, ramp(20), 1, 2, 2, 5), nil, "byte 16: bad IDX file: 5 channels"},
		{idxFile(t, ramp(20000), 1, 20000, 1), nil, "byte 8: bad IDX file: images of 20000x1"},
		{idxFile(t, ramp(12), 1, 4, 3), idxFile(t, ramp(2), 2), "t10k-labels.idx1-ubyte: byte 4: bad IDX file: 2 labels, want 1"},
		{idxFile(t, ramp(12), 1, 4, 3), idxFile(t, ramp(1), 1, 1), "byte 3: bad IDX file: 2 dimensions, want 1"},
	} {
		put("t10k-images.idx3-ubyte", c.images)
		put("t10k-labels.idx1-ubyte", c.labels)
		if _, err := Open(file, Options{NeedLabels: true}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

func TestNamedSets(t *testing.T) {
	root := t.TempDir()
	t.Chdir(t.TempDir())
	t.Setenv("GANTINY_DATA", root)
	// The system may have the set; whoever has not is told where it was looked for.
	_, err := Open("mnist", Options{})
	if err != nil && (!errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), filepath.Join(root, "mnist"))) {
		t.Errorf("nothing there: %v", err)
	}
	for name, dir := range map[string]string{"mnist": "mnist", "fashion": "fashion-mnist"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, dir, "train-images-idx3-ubyte")
		if err := os.WriteFile(path, idxFile(t, ramp(4), 1, 2, 2), 0o666); err != nil {
			t.Fatal(err)
		}
		d, err := Open(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Name != name || d.N != 1 || d.H != 2 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestPixelBytes(t *testing.T) {
	if n, err := pixelBytes(2, 3, 4, 5); n != 120 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, c := range [][4]int{{0, 1, 1, 1}, {1, -1, 1, 1}, {math.MaxInt, 2, 1, 1}, {1 << 16, 1 << 15, 1 << 16, 1 << 16}} {
		if n, err := pixelBytes(c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("%v: %d bytes", c, n)
		}
	}
}
