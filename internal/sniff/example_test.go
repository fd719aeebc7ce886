package sniff_test

import (
	"fmt"

	"github.com/gantiny/gantiny/internal/sniff"
)

func Example() {
	fmt.Println(sniff.Bytes([]byte("PK\x03\x04")))
	fmt.Printf("%q\n", sniff.Bytes([]byte("\x40\x00\x00\x00\x00\x00\x00\x00{}")))
	// Output:
	// a zip archive: unpack it first
	// ""
}
