package tflite_test

import (
	"fmt"

	"github.com/gantiny/gantiny/tflite"
)

func Example() {
	m, err := tflite.Load("testdata/conditional.tflite")
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
	// 12x12x1
}
