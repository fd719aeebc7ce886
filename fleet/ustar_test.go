package fleet

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestUstar holds the bytes to those of the standard library's writer.
func TestUstar(t *testing.T) {
	var got, want bytes.Buffer
	ours, theirs := ustar{&got}, tar.NewWriter(&want)
	for name, b := range map[string][]byte{"000000042.png": make([]byte, 700), "000000042.cls": []byte("7"), "empty": {}, "block": make([]byte, 512)} {
		if err := ours.add(name, b); err != nil {
			t.Fatal(err)
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(b)), Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := theirs.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := ours.end(); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("the bytes are not those of archive/tar")
	}
	if err := ours.add(strings.Repeat("n", 101), nil); err == nil {
		t.Error("a name of 101 bytes")
	}
}
