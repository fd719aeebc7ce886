package weights_test

import (
	"fmt"

	"github.com/gantiny/gantiny/weights"
)

func Example() {
	m, found, err := weights.Options{}.Load("testdata/upsampling.pth")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found.Family)
	for _, a := range found.Assigned[:2] {
		fmt.Println(a.Parameter, "<-", a.Tensor, a.Shape)
	}
	fmt.Println(m.Output())
	// Output:
	// upsampling
	// embedded.weight <- label_emb.weight [4 3]
	// dense2.weight <- l1.0.weight [24 8]
	// 8x8x1
}
