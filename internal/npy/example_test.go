package npy_test

import (
	"bytes"
	"fmt"

	"github.com/gantiny/gantiny/internal/npy"
)

func Example() {
	var file bytes.Buffer
	if err := npy.WriteHeader(&file, 2, 3); err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range [][]float32{{1, 2, 3}, {4, 5, 6}} {
		if err := npy.WriteFloats(&file, row); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(npy.Read(&file, "latents.npy"))
	// Output: [1 2 3 4 5 6] [2 3] <nil>
}
