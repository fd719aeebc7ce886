package train_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/train"
)

func ExampleRun() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	// Twelve gray pictures of 8x8, and networks as small.
	data := &dataset.Dataset{Name: "gray", H: 8, W: 8, C: 1, N: 12, Pix: make([]uint8, 12*8*8)}
	c := train.Default()
	c.Epochs, c.Batch, c.Size, c.Width, c.Latent = 2, 4, 8, 2, 3

	err = train.Run(context.Background(), c, data, train.Options{
		Dir: dir,
		OnEpoch: func(s train.Stats) {
			fmt.Printf("epoch %d of %d: %d steps\n", s.Epoch, s.Epochs, s.Step)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "[a-z]*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	// Output:
	// epoch 1 of 2: 3 steps
	// epoch 2 of 2: 6 steps
	// checkpoint.previous.safetensors
	// checkpoint.safetensors
	// generator.safetensors
	// metrics.jsonl
	// report.html
	// samples
}
