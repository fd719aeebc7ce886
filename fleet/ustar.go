package fleet

import (
	"fmt"
	"io"
)

// ustarBlock is what the parts of a tar file are padded to.
const ustarBlock = 512

// ustar writes files in POSIX's ustar format. The standard library's archive/tar looks up users and
// so links a C library into programs where there is a C compiler; here every header has the same
// owner and time.
type ustar struct{ w io.Writer }

// add adds a file. The name has at most 100 bytes.
func (t ustar) add(name string, b []byte) error {
	if len(name) > 100 {
		return fmt.Errorf("fleet: %s: the name is too long for a tar file", name)
	}
	var h [ustarBlock]byte
	field := func(at int, text string) { copy(h[at:], text) }
	field(0, name)
	field(100, "0000644\x00") // mode
	field(108, "0000000\x00") // user
	field(116, "0000000\x00") // group
	field(124, fmt.Sprintf("%011o\x00", len(b)))
	field(136, "00000000000\x00") // time
	field(148, "        ")        // the checksum's own bytes count as spaces
	field(156, "0")               // a regular file
	field(257, "ustar\x0000")
	field(329, "0000000\x00") // device
	field(337, "0000000\x00")
	sum := 0
	for _, v := range h {
		sum += int(v)
	}
	field(148, fmt.Sprintf("%06o\x00 ", sum))
	for _, part := range [][]byte{h[:], b, make([]byte, -len(b)&(ustarBlock-1))} {
		if _, err := t.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// end writes what ends a tar file.
func (t ustar) end() error {
	_, err := t.w.Write(make([]byte, 2*ustarBlock))
	return err
}
