package fashion_test

import (
	"fmt"

	"github.com/gantiny/gantiny/eval/fashion"
)

// The classifier, for an eval.Reference.
func Example() {
	c, err := fashion.Classifier()
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Classes(), "classes of", c.Input())
	// Output: 10 classes of 28x28x1
}
