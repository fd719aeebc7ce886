package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// allocated is what f allocates, garbage included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// counting counts the bytes that are read from a file.
type counting struct {
	io.ReaderAt
	n int64
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	c.n += int64(len(b))
	return c.ReaderAt.ReadAt(b, at)
}

// headerCase is a file whose header is hard to read in little memory, and whether it is valid.
type headerCase struct {
	file []byte
	ok   bool
}

func headerCases() map[string]headerCase {
	const n = 100_000
	list := func(n int, entry func(i int) string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(entry(i))
		}
		return b.String()
	}
	sums := func(n int) string {
		var h headSum
		for i := range n {
			h.tensor(fmt.Sprintf("t%06d", i), F32, []int{1})
		}
		return fmt.Sprintf("%08x", h.sum) + strings.Repeat(" 48674bc7", n)
	}
	tensor := func(i int) string {
		return fmt.Sprintf(`"t%06d":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}`, i, 4*i, 4*i+4)
	}
	return map[string]headerCase{
		"tensors":         {file("{"+list(n, tensor)+"}", strings.Repeat("\x00\x00\x00\x00", n)), true},
		"tensors, sums":   {file(`{"__metadata__":{"crc32c":"`+sums(n)+`"},`+list(n, tensor)+"}", strings.Repeat("\x00\x00\x00\x00", n)), true},
		"backwards":       {file("{"+list(n, func(i int) string { return tensor(n - 1 - i) })+"}", strings.Repeat("\x00\x00\x00\x00", n)), true},
		"empty tensors":   {file("{"+list(n, func(i int) string { return fmt.Sprintf(`"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i) })+"}", ""), true},
		"same names":      {file("{"+list(n, func(i int) string { return `"":{"dtype":"U8","shape":[],"data_offsets":[0,0]}` })+"}", ""), false},
		"many dimensions": {file(`{"a":{"dtype":"F32","shape":[`+strings.Repeat("1,", 1_000_000)+`1],"data_offsets":[0,4]}}`, "1234"), false},
		"empty lists":     {file("{"+list(n, func(i int) string { return fmt.Sprintf(`"%x":[[[[]]]]`, i) })+"}", ""), false},
		"empty objects":   {file("{"+strings.Repeat("{}", 1_000_000)+"}", ""), false},
		"deep":            {file(`{"a":`+strings.Repeat("[", 2_000_000)+strings.Repeat("]", 2_000_000)+"}", ""), false},
		"deep objects":    {file(strings.Repeat(`{"a":`, 500_000), ""), false},
		"deep shape":      {file(`{"a":{"dtype":"F32","shape":`+strings.Repeat("[", 2_000_000)+strings.Repeat("]", 2_000_000)+`,"data_offsets":[0,0]}}`, ""), false},
		"long name":       {file(`{"`+strings.Repeat("a", 20_000_000)+`":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, ""), false},
		"long text":       {file(`{"__metadata__":{"a":"`+strings.Repeat("a", 20_000_000)+`"}}`, ""), true},
		"escaped text":    {file(`{"__metadata__":{"a":"`+strings.Repeat(`\u0061`, 1_000_000)+`"}}`, ""), true},
		"metadata":        {file(`{"__metadata__":{`+list(n, func(i int) string { return fmt.Sprintf(`"k%06d":"v"`, i) })+"}}", ""), false},
		"nothing":         {file("{"+strings.Repeat("\x00", 20_000_000), ""), false},
		"spaces":          {file("{"+strings.Repeat(" ", 20_000_000)+"}", ""), true},
	}
}

// TestOpenAllocation: whatever a header says, reading it allocates at most twice the file's size
// and a megabyte, garbage included, and reads no byte more than twice. That bounds its time too.
func TestOpenAllocation(t *testing.T) {
	for name, c := range headerCases() {
		if binary.LittleEndian.Uint64(c.file) > maxHeader {
			t.Fatal(name)
		}
		limit := 2*uint64(len(c.file)) + 1<<20
		r := &counting{ReaderAt: bytes.NewReader(c.file)}
		for how, open := range map[string]func() (*File, error){
			"View": func() (*File, error) { return View(c.file) },
			"Open": func() (*File, error) { return Open(r, int64(len(c.file))) },
		} {
			var err error
			used := allocated(func() { _, err = open() })
			if used > limit {
				t.Errorf("%s, %s: allocated %d bytes, want at most %d for a file of %d", how, name, used, limit, len(c.file))
			}
			if c.ok && err != nil || !c.ok && !errors.Is(err, ErrFormat) {
				t.Errorf("%s, %s: error %v", how, name, err)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("%s, %s: an error of %d bytes", how, name, len(err.Error()))
			}
		}
		if r.n > 2*int64(len(c.file))+8 {
			t.Errorf("%s: %d bytes read of a file of %d", name, r.n, len(c.file))
		}
	}
}

// TestStrings: the header's strings are JSON's.
func TestStrings(t *testing.T) {
	for text, want := range map[string]string{
		`a\"b\\c\/d\b\f\n\r\t`: "a\"b\\c/d\b\f\n\r\t",
		`\u0041\u00e9\u20ac`:   "Aé€",
		`\ud83d\ude00 é€😀`:     "😀 é€😀",
		`\u003cb\u003e`:        "<b>",
		``:                     "",
	} {
		// Spaces before it put the string across every edge of a window.
		for _, pad := range []int{0, 1, 5, 9, 20} {
			head := strings.Repeat(" ", window-24-pad) + `{"__metadata__":{"k":"` + text + `"}}`
			for how, open := range map[string]func([]byte) (*File, error){"View": View, "Open": open} {
				f, err := open(file(head, ""))
				if err != nil || f.Meta["k"] != want {
					t.Errorf("%s: %s became %v, error %v", how, text, f, err)
				}
			}
		}
	}
	for _, text := range []string{`\x`, `\u12`, `\u12g4`, `\ud83d`, `\ud83dx`, `\ud83d\u0041`, `\ude00`, "\x01", "\xff", "\xc3", `\`} {
		if _, err := open(file(`{"__metadata__":{"k":"`+text+`"}}`, "")); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
