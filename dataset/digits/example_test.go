package digits_test

import (
	"bytes"
	"fmt"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/dataset/digits"
)

func Example() {
	dims, pix, err := dataset.ReadIDX(bytes.NewReader(digits.Images()), "digits")
	fmt.Println(dims, len(pix), err)
	// Output: [10000 28 28] 7840000 <nil>
}
