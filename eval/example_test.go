package eval_test

import (
	"context"
	"fmt"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/eval/mnist"
)

// Pictures that are digits, but all the same one, are precise and cover nothing.
func Example() {
	ctx := context.Background()
	c, err := mnist.Classifier()
	if err != nil {
		panic(err)
	}
	digits, err := dataset.Open("digits", dataset.Options{})
	if err != nil {
		panic(err)
	}
	r, err := eval.NewReference(ctx, c, digits, nil, 200, eval.Options{})
	if err != nil {
		panic(err)
	}
	var pix []uint8
	for range r.N() {
		pix = append(pix, digits.Image(0)...)
	}
	result, err := r.Compare(ctx, pix, nil)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d of %d classes, recall %.1f\n", result.Modes, c.Classes(), result.Recall)
	fmt.Println("worse than test pictures:", result.Frechet > r.Floor().Frechet, result.Coverage < r.Floor().Coverage)
	// Output:
	// 1 of 10 classes, recall 0.0
	// worse than test pictures: true true
}
