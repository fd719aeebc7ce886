package fuzz

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/dataset"
)

func FuzzIDX(f *testing.F) {
	add := func(file []byte) {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(file); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(file)
		f.Add(z.Bytes())
		f.Add(z.Bytes()[:z.Len()-5])
	}
	var good bytes.Buffer
	if err := dataset.WriteIDX(&good, []uint8("abcdefghijkl"), 2, 2, 3); err != nil {
		f.Fatal(err)
	}
	add(good.Bytes())
	add(good.Bytes()[:20])
	add(append(good.Bytes(), 0))
	add([]byte{0, 0, 8, 1, 0, 0, 0, 1, 7})
	add([]byte{0, 0, 8, 3, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1, 5})
	add([]byte{0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})
	add([]byte{0, 0, 13, 1, 0, 0, 0, 0})
	add(append([]byte{0, 0, 8, 1, 0, 1, 0x86, 0xa0}, make([]byte, 100000)...))

	f.Fuzz(func(t *testing.T, file []byte) {
		content := uncompressed(file)
		var dims []int
		var data []uint8
		var err error
		// The buffers of reading, and a copy at each doubling.
		limit := uint64(512<<10 + 4*len(content))
		if used := allocated(func() { dims, data, err = dataset.ReadIDX(bytes.NewReader(file), "f") }); used > limit {
			t.Errorf("%d bytes allocated for %d bytes of contents", used, len(content))
		}
		if err != nil {
			if !errors.Is(err, dataset.ErrFormat) || !strings.HasPrefix(err.Error(), "dataset: f: byte ") {
				t.Errorf("error %v", err)
			}
			return
		}
		var again bytes.Buffer
		if err := dataset.WriteIDX(&again, data, dims...); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), content) {
			t.Errorf("%v written again differs from what was read", dims)
		}
	})
}

// uncompressed returns a file's contents as far as they can be read.
func uncompressed(file []byte) []byte {
	if !bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
		return file
	}
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil
	}
	content, _ := io.ReadAll(z)
	return content
}
