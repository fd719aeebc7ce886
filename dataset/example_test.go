package dataset_test

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset"
)

func Example() {
	d, err := dataset.Open("digits", dataset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d images of %dx%dx%d, the first is a %d\n", d.N, d.H, d.W, d.C, d.Labels[0])

	batches, err := dataset.NewBatches(d.N, 256, dataset.Cursor{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := conv.NewLayout(d.H, d.W, d.C, 256)
	x := make([]float32, m.Len()) // (H, W, N, C) in [-1, 1]
	d.Fill(x, m, batches.Next())
	fmt.Printf("%d batches an epoch, the next is %+v\n", batches.PerEpoch(), batches.Cursor())
	// Output:
	// 10000 images of 28x28x1, the first is a 5
	// 39 batches an epoch, the next is {Seed:1 Epoch:0 Batch:1}
}
