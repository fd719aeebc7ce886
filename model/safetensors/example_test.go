package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/gantiny/gantiny/model/safetensors"
)

func Example() {
	var b bytes.Buffer
	err := safetensors.Write(&b, map[string]string{"made by": "hand"}, []safetensors.Tensor{
		{Name: "label", DType: safetensors.U8, Shape: []int{2}, Raw: []byte{7, 1}},
		{Name: "weight", DType: safetensors.F16, Shape: []int{2, 2}, Floats: []float32{1, 0.5, -2, 1.0 / 3}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	f, err := safetensors.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Meta)
	for _, t := range f.Tensors {
		fmt.Println(t.Name, t.DType, t.Shape)
	}
	w := make([]float32, 4)
	if err := f.ReadFloats(w, "weight"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w)
	// Output:
	// map[made by:hand]
	// weight F16 [2 2]
	// label U8 [2]
	// [1 0.5 -2 0.33325195]
}
