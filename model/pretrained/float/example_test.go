package float_test

import (
	"fmt"

	"github.com/gantiny/gantiny/model/pretrained/float"
)

// The weights of package pretrained, as they were before they became bytes.
func Example() {
	m, err := float.Generator()
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Input(), "to", m.Output(), "by", m.Parameters(), "parameters")
	// Output: 100 to 28x28x1 by 2330944 parameters
}
