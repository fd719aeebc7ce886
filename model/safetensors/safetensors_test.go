package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/gantiny/gantiny/internal/view"
)

// file puts a file together from a header and data.
func file(head, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(b, head...), data...)
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func TestRoundTrip(t *testing.T) {
	long := make([]float32, chunk/4+3) // more than the conversion buffer
	for i := range long {
		long[i] = float32(i) * 0.37
	}
	tensors := []Tensor{
		{Name: "bytes", DType: U8, Shape: []int{3}, Raw: []byte{1, 2, 255}},
		{Name: "odd \"name\"\n", DType: F32, Shape: []int{2, 1}, Floats: []float32{float32(math.Inf(-1)), math.Float32frombits(0x7fc00123)}},
		{Name: "long", DType: F32, Shape: []int{len(long)}, Floats: long},
		{Name: "half", DType: F16, Shape: []int{1, 2}, Floats: []float32{-0.25, 65504}},
		{Name: "scalar", DType: I64, Raw: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{Name: "empty", DType: F32, Shape: []int{0, 5}},
	}
	meta := map[string]string{"b": "", "a": "{\"k\": \"é\"}"}
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		if err := Write(w, meta, tensors); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two writes differ")
	}
	f, err := open(first.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(f.Meta) != fmt.Sprint(meta) {
		t.Errorf("metadata %q, want %q", f.Meta, meta)
	}
	if len(f.Tensors) != len(tensors) {
		t.Fatalf("%d tensors, want %d", len(f.Tensors), len(tensors))
	}
	for _, want := range tensors {
		checkTensor(t, f, want)
	}
	if _, err := f.Find("none"); !errors.Is(err, ErrMissing) {
		t.Errorf("missing tensor: %v", err)
	}
	if err := f.ReadFloats(make([]float32, 1), "half"); err == nil {
		t.Error("no error for a slice of the wrong length")
	}
	if err := f.ReadFloats(make([]float32, 3), "bytes"); err == nil {
		t.Error("no error for bytes read as floats")
	}
}

// checkTensor reads a tensor as it was written.
func checkTensor(t *testing.T, f *File, want Tensor) {
	got, err := f.Find(want.Name)
	if err != nil {
		t.Fatal(err)
	}
	if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		t.Errorf("%q: %s %v, want %s %v", want.Name, got.DType, got.Shape, want.DType, want.Shape)
	}
	if got.offset%int64(got.DType.Size()) != 0 {
		t.Errorf("%q: data at byte %d", want.Name, got.offset)
	}
	if want.Floats == nil {
		b, err := f.ReadRaw(want.Name)
		if err != nil || !bytes.Equal(b, want.Raw) {
			t.Errorf("%q: %v, %v, want %v", want.Name, b, err, want.Raw)
		}
		return
	}
	x := make([]float32, got.Len())
	if err := f.ReadFloats(x, want.Name); err != nil {
		t.Errorf("%q: %v", want.Name, err)
	}
	same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	if !slices.EqualFunc(x, want.Floats, same) {
		t.Errorf("%q: values differ", want.Name)
	}
}

// A file as the format's own library writes it: no order of keys, spaces, another order of fields.
func TestForeignFile(t *testing.T) {
	f, err := open(file(`{ "b" : {"shape":[],"data_offsets":[0,4],"dtype":"I32"}, "__metadata__":{"format":"pt"},
		"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}   `, "\x01\x00\x00\x00\x00\x00\x80\xbf"))
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{0}
	if err := f.ReadFloats(x, "a"); err != nil || x[0] != -1 {
		t.Errorf("a = %v, %v", x, err)
	}
	if f.Meta["format"] != "pt" {
		t.Errorf("metadata %v", f.Meta)
	}
}

func TestHostileFiles(t *testing.T) {
	ok := `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`
	if _, err := open(file(ok, "1234")); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty":             {},
		"short":             {1, 0, 0},
		"huge header":       append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), '{', '}'),
		"long header":       append(binary.LittleEndian.AppendUint64(nil, 3), '{', '}'),
		"no header":         file("", ""),
		"cut header":        file(ok[:len(ok)-1], "1234"),
		"not an object":     file(`[]`, ""),
		"more than one":     file(`{}{}`, ""),
		"binary":            file("\xff\xfe\x00", ""),
		"cut data":          file(ok, "123"),
		"too much data":     file(ok, "12345"),
		"same name":         file(strings.Replace(ok, `"b"`, `"a"`, 1), "1234"),
		"same field":        file(strings.Replace(ok, `"shape":[2]`, `"shape":[2],"shape":[2]`, 1), "1234"),
		"unknown field":     file(strings.Replace(ok, `"shape":[2]`, `"shape":[2],"x":0`, 1), "1234"),
		"unknown type":      file(strings.Replace(ok, `U8`, `U9`, 1), "1234"),
		"overlap":           file(strings.Replace(ok, `[2,4]`, `[1,3]`, 1), "1234"),
		"gap":               file(strings.Replace(ok, `[2,4]`, `[3,5]`, 1), "12345"),
		"backwards":         file(strings.Replace(ok, `[2,4]`, `[4,2]`, 1), "1234"),
		"one offset":        file(strings.Replace(ok, `[2,4]`, `[2]`, 1), "1234"),
		"negative offset":   file(strings.Replace(ok, `[0,2]`, `[-2,0]`, 1), "1234"),
		"fraction":          file(strings.Replace(ok, `"shape":[2]`, `"shape":[2.5]`, 1), "1234"),
		"exponent":          file(strings.Replace(ok, `"shape":[2]`, `"shape":[2e0]`, 1), "1234"),
		"negative shape":    file(strings.Replace(ok, `"shape":[2]`, `"shape":[-2,-1]`, 1), "1234"),
		"null shape":        file(strings.Replace(ok, `"shape":[2]`, `"shape":null`, 1), "1234"),
		"no shape":          file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, "1"),
		"no offsets":        file(`{"a":{"dtype":"U8","shape":[0]}}`, ""),
		"wrong shape":       file(strings.Replace(ok, `"shape":[2]`, `"shape":[3]`, 1), "1234"),
		"overflow":          file(strings.Replace(ok, `"shape":[2]`, `"shape":[4294967296,4294967296,2]`, 1), "1234"),
		"beyond int":        file(strings.Replace(ok, `"shape":[2]`, `"shape":[99999999999999999999]`, 1), "1234"),
		"metadata number":   file(`{"__metadata__":{"a":1}}`, ""),
		"metadata list":     file(`{"__metadata__":["a"]}`, ""),
		"metadata repeated": file(`{"__metadata__":{"a":"","a":""}}`, ""),
		"deep":              file(`{"a":`+strings.Repeat("[", 100000), ""),
	} {
		if _, err := open(b); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A reader that ends early, though the size promised more, is an error and no panic. Whatever bit
// changes in a file, reading it either fails or gives what was written: spaces and ways to spell a
// string do not matter.
func TestChecksums(t *testing.T) {
	tensors := []Tensor{
		{Name: "half", DType: F16, Shape: []int{1, 2}, Floats: []float32{-0.25, 3}},
		{Name: "x", DType: F32, Shape: []int{2, 3}, Floats: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "bytes", DType: I8, Shape: []int{3}, Raw: []byte{1, 2, 255}},
	}
	meta := map[string]string{"k": "v", "l": ""}
	var b bytes.Buffer
	if err := Write(&b, meta, tensors); err != nil {
		t.Fatal(err)
	}
	// all is what a file says, by View and by Open.
	all := func(f *File, err error) (string, error) {
		if err != nil {
			return "", err
		}
		text := fmt.Sprint(f.Meta)
		for _, i := range f.Tensors {
			var v any
			switch i.DType {
			case F32, F16:
				v, _, err = f.Floats(i.Name)
			case I8:
				v, _, err = f.Int8s(i.Name)
			default:
				v, err = f.ReadRaw(i.Name)
			}
			if err != nil {
				return "", err
			}
			text += fmt.Sprint(i.Name, i.DType, i.Shape, v)
		}
		return text, nil
	}
	want, err := all(open(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	key := bytes.Index(b.Bytes(), []byte(checksumsKey))
	for bit := range 8 * b.Len() {
		if at := bit/8 - key; at >= 0 && at < len(checksumsKey) {
			continue // some other string: nothing to compare with
		}
		changed := bytes.Clone(b.Bytes())
		changed[bit/8] ^= 1 << (bit % 8)
		for how, f := range map[string]func([]byte) (*File, error){"Open": open, "View": View} {
			got, err := all(f(changed))
			if err == nil && got != want || err != nil && !errors.Is(err, ErrFormat) {
				t.Fatalf("%s, bit %d of byte %d: %q, error %v", how, bit%8, bit/8, got, err)
			}
			if at := b.Len() - bit/8; at <= 4+24+3 && err == nil {
				t.Errorf("%s, bit %d of the byte %d from the end: no error", how, bit%8, at)
			}
		}
	}
}

func TestTruncatedReader(t *testing.T) {
	b := file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "12345678")
	for n := range len(b) {
		f, err := Open(bytes.NewReader(b[:n]), int64(len(b)))
		if err == nil {
			err = f.ReadFloats(make([]float32, 2), "a")
			if _, rawErr := f.ReadRaw("a"); rawErr == nil {
				t.Errorf("%d bytes: no error from ReadRaw", n)
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes: error %v", n, err)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	for name, list := range map[string][]Tensor{
		"name taken":     {{Name: "a", DType: U8, Shape: []int{0}}, {Name: "a", DType: U8, Shape: []int{0}}},
		"reserved name":  {{Name: metadata, DType: U8, Shape: []int{0}}},
		"type":           {{Name: "a", DType: "F8", Shape: []int{1}, Raw: []byte{1}}},
		"floats' type":   {{Name: "a", DType: "F8", Shape: []int{1}, Floats: []float32{1}}},
		"short":          {{Name: "a", DType: F32, Shape: []int{2}, Floats: []float32{1}}},
		"negative":       {{Name: "a", DType: F32, Shape: []int{-1}, Floats: []float32{1}}},
		"floats as ints": {{Name: "a", DType: I32, Shape: []int{1}, Floats: []float32{1}}},
		"both":           {{Name: "a", DType: F32, Shape: []int{1}, Floats: []float32{1}, Raw: []byte{1, 2, 3, 4}}},
	} {
		var b bytes.Buffer
		if Write(&b, nil, list) == nil {
			t.Errorf("%s: no error", name)
		}
		if b.Len() > 0 {
			t.Errorf("%s: %d bytes written", name, b.Len())
		}
	}
}

func TestReadInt8s(t *testing.T) {
	raw := make([]byte, 3*chunk/2)
	for i := range raw {
		raw[i] = byte(i * 7)
	}
	var b bytes.Buffer
	if err := Write(&b, nil, []Tensor{{Name: "q", DType: I8, Shape: []int{len(raw)}, Raw: raw}, {Name: "u", DType: U8, Shape: []int{1}, Raw: raw[:1]}}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	q := make([]int8, len(raw))
	if err := f.ReadInt8s(q, "q"); err != nil {
		t.Fatal(err)
	}
	for i, v := range q {
		if byte(v) != raw[i] {
			t.Fatalf("value %d is %d, want %d", i, v, int8(raw[i]))
		}
	}
	if f.ReadInt8s(q[1:], "q") == nil || f.ReadInt8s(q[:1], "u") == nil || f.ReadInt8s(q, "nosuch") == nil {
		t.Error("no error for a wrong length, type or name")
	}
}

// A file in memory is read in place where its bytes are the values as they are.
func TestView(t *testing.T) {
	var b bytes.Buffer
	err := Write(&b, nil, []Tensor{
		{Name: "floats", DType: F32, Shape: []int{3}, Floats: []float32{1.5, -2, 3}},
		{Name: "halves", DType: F16, Shape: []int{2}, Floats: []float32{0.5, -1}},
		{Name: "bytes", DType: I8, Shape: []int{4}, Raw: []byte{1, 255, 128, 0}},
		{Name: "empty", DType: F32, Shape: []int{0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for shift := range 8 {
		room := make([]float64, b.Len()/8+2) // aligned to eight bytes
		data := unsafe.Slice((*byte)(unsafe.Pointer(&room[0])), 8*len(room))[shift:][:b.Len()]
		copy(data, b.Bytes())
		f, err := View(data)
		if err != nil {
			t.Fatal(err)
		}
		floats, place, err := f.Floats("floats")
		if err != nil || !slices.Equal(floats, []float32{1.5, -2, 3}) {
			t.Errorf("floats %v, %v", floats, err)
		}
		if in := (view.Float32s(make([]byte, 4)) != nil) && shift%4 == 0; (place != nil) != in {
			t.Errorf("floats %d bytes after an aligned place: in place %v, want %v", shift, place != nil, in)
		}
		if halves, place, err := f.Floats("halves"); err != nil || place != nil || !slices.Equal(halves, []float32{0.5, -1}) {
			t.Errorf("halves %v, in place %v, %v", halves, place != nil, err)
		}
		int8s, place, err := f.Int8s("bytes")
		if err != nil || !slices.Equal(int8s, []int8{1, -1, -128, 0}) || !bytes.Equal(place, []byte{1, 255, 128, 0}) {
			t.Errorf("bytes %v in %v, %v", int8s, place, err)
		}
		if place[0] = 7; int8s[0] != 7 {
			t.Error("bytes are a copy")
		}
		if none, place, err := f.Floats("empty"); err != nil || place != nil || len(none) != 0 {
			t.Errorf("empty %v in %v, %v", none, place, err)
		}
		for _, wrong := range []string{"bytes", "nosuch"} {
			if _, _, err := f.Floats(wrong); err == nil {
				t.Errorf("%s read as floats", wrong)
			}
		}
		for _, wrong := range []string{"floats", "nosuch"} {
			if _, _, err := f.Int8s(wrong); err == nil {
				t.Errorf("%s read as int8", wrong)
			}
		}
	}
	f, err := open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if v, place, err := f.Int8s("bytes"); err != nil || place != nil || !slices.Equal(v, []int8{1, -1, -128, 0}) {
		t.Errorf("read from a file: %v, in place %v, %v", v, place != nil, err)
	}
}
