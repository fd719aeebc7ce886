// Command training trains a small generator inside a program, on the digits that are built in, and
// draws with it. It stops after a minute or at Ctrl-C, and goes on from there when it is started
// again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/train"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	data, err := dataset.Load(ctx, "digits", dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c := train.Default()
	c.Epochs, c.Batch, c.Width, c.Latent = 20, 64, 8, 32
	c.LearningRate = 5e-4 // of small networks

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout, "digits-run", c, data); err != nil {
		log.Fatal(err)
	}
}

// run trains in a directory until all epochs are done or ctx ends, and then draws with what there
// is.
func run(ctx context.Context, w io.Writer, dir string, c train.Config, data *dataset.Dataset) error {
	options := train.Options{
		Dir: dir,
		OnEpoch: func(s train.Stats) {
			fmt.Fprintf(w, "epoch %d of %d: losses %.3f and %.3f\n", s.Epoch, s.Epochs, s.G, s.D)
		},
		OnNote: func(note string) { fmt.Fprintln(w, note) },
	}
	err := train.Run(ctx, c, data, options)
	if errors.Is(err, train.ErrExists) {
		options.Resume = true
		err = train.Run(ctx, c, data, options)
	}
	switch {
	case errors.Is(err, train.ErrInterrupted):
		fmt.Fprintln(w, "interrupted: start again to go on")
	case err != nil:
		return err
	}

	g, err := gantiny.Open(dir)
	if err != nil {
		return err
	}
	defer g.Close()
	images, err := g.Draw(context.Background(), gantiny.Request{N: 16, Seed: 1}) // ctx may be over
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "drew %d images of %v\n", len(images), images[0].Bounds().Size())
	return nil
}
