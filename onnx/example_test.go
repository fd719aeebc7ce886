package onnx_test

import (
	"fmt"

	"github.com/gantiny/gantiny/onnx"
)

func Example() {
	m, err := onnx.Load("testdata/embedding.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, in := range m.Inputs() {
		fmt.Println(in.Name, in.Spec)
	}
	fmt.Println(m.Output())
	// Output:
	// z 6
	// label 1 class of 5
	// 16x16x1
}
