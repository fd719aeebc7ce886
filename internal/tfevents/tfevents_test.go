package tfevents

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestMasked: the checksum of RFC 3720's example, 0xe3069283, rotated and offset by hand.
func TestMasked(t *testing.T) {
	if got, want := masked([]byte("123456789")), uint32((0x2507c60d+0xa282ead8)&0xffffffff); got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
}

func events(t *testing.T) ([]byte, []Event) {
	t.Helper()
	now := time.Unix(1000, 5e8)
	values := [][]Value{
		{{Tag: "g_loss", Scalar: 1.5}, {Tag: "d_loss", Scalar: -2}},
		{{Tag: "samples", Image: &Image{Height: 300, Width: 200, Channels: 3, PNG: []byte("a picture")}}},
	}
	var b bytes.Buffer
	if err := Begin(&b, now); err != nil {
		t.Fatal(err)
	}
	want := []Event{{Wall: 1000.5, Version: version}}
	for i, v := range values {
		if err := Write(&b, now, uint64(i*1000), v); err != nil {
			t.Fatal(err)
		}
		want = append(want, Event{Wall: 1000.5, Step: uint64(i * 1000), Values: v})
	}
	return b.Bytes(), want
}

func TestReadWhatWasWritten(t *testing.T) {
	file, want := events(t)
	r := bytes.NewReader(file)
	for i := range want {
		got, err := Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("event %d is %+v, want %+v", i, got, want[i])
		}
	}
	if e, err := Read(r); err != io.EOF {
		t.Errorf("past the end there is %+v, %v", e, err)
	}
}

// TestBytes holds a file to the bytes that testdata/write.py makes of the same events.
func TestBytes(t *testing.T) {
	file, _ := events(t)
	want, err := os.ReadFile("testdata/events.oracle")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(file); got != strings.TrimSpace(string(want)) {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestDamaged: no byte can change and no end can be missing without an error.
func TestDamaged(t *testing.T) {
	file, want := events(t)
	read := func(b []byte) (n int, err error) {
		r := bytes.NewReader(b)
		for {
			if _, err := Read(r); err == io.EOF {
				return n, nil
			} else if err != nil {
				return n, err
			}
			n++
		}
	}
	whole := 0
	for i := range file {
		b := bytes.Clone(file)
		b[i] ^= 0x10
		if _, err := read(b); !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if n, err := read(file[:i]); err == nil && n == whole {
			whole++ // cut between two records
		} else if !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %d events, %v", i, n, err)
		}
	}
	if whole != len(want) {
		t.Errorf("%d beginnings are whole files, want %d", whole, len(want))
	}
}

// TestHostile: records with right checksums whose messages are none.
func TestHostile(t *testing.T) {
	for _, data := range [][]byte{{0xff}, {0x2a, 0x7f}, {0x2a, 0x02, 0x0a, 0x05}, {0x09, 1, 2}, {0x2b, 0x2b, 0x2b}, {0x00, 0x00}} {
		if e, err := Read(bytes.NewReader(appendRecord(nil, data))); !errors.Is(err, ErrFormat) {
			t.Errorf("% x: %+v, %v", data, e, err)
		}
	}
	long := appendRecord(nil, nil)
	long[4] = 1 // 4 GiB, with a right checksum
	sum := masked(long[:8])
	for i := range 4 {
		long[8+i] = byte(sum >> (8 * i))
	}
	if _, err := Read(bytes.NewReader(long)); !errors.Is(err, ErrFormat) {
		t.Errorf("a record of 4 GiB: %v", err)
	}
}

// TestKeep: what is past a step or cannot be read is left out, and the rest stays as it was.
func TestKeep(t *testing.T) {
	file, _ := events(t)
	var head bytes.Buffer
	if err := Begin(&head, time.Unix(1000, 5e8)); err != nil {
		t.Fatal(err)
	}
	all, first := len(file), head.Len()
	second := bytes.LastIndex(file, []byte("samples")) // within the last event, of step 1000
	var b bytes.Buffer
	keep := func(what string, in []byte, step uint64) []byte {
		b.Reset()
		if err := Keep(&b, bytes.NewReader(in), step); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return b.Bytes()
	}
	if got := keep("whole", file, 1000); !bytes.Equal(got, file) {
		t.Errorf("of a whole file %x is kept, want %x", got, file)
	}
	before := bytes.Clone(keep("past the step", file, 999))
	if len(before) <= first || len(before) >= all || !bytes.HasPrefix(file, before) {
		t.Errorf("up to step 999 %x is kept of %x", before, file)
	}
	if got := keep("cut short", file[:second], 1000); !bytes.Equal(got, before) {
		t.Errorf("of a file that is cut short %x is kept, want %x", got, before)
	}
	for what, in := range map[string][]byte{"empty": nil, "no events": []byte("no events at all"), "no version": file[first:]} {
		got := keep(what, in, 1000)
		if e, err := Read(bytes.NewReader(got)); err != nil || e.Version != version || len(got) != first {
			t.Errorf("%s: %+v, %v, %d bytes", what, e, err, len(got))
		}
	}
}
