package quantize_test

import (
	"context"
	"fmt"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantize"
)

func Example() {
	m := model.Generator(model.Config{Width: 2, Latent: 8, Size: 8, Seed: 1})
	q, report, err := quantize.Quantize(context.Background(), m, quantize.Options{Images: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range report.Layers {
		fmt.Println(l.Name, l.SNR > 20)
	}
	fmt.Println(len(q.Ops()[1].Weight), "bytes of weights in", q.Ops()[1].Name)
	// Output:
	// dense0 true
	// convtranspose2d4 true
	// convtranspose2d7 true
	// convtranspose2d10 true
	// 800 bytes of weights in convtranspose2d4
}
