package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

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

// A folder of pictures as people have them: two classes, a file that is no picture, and one that
// cannot be read.
func ExampleLoad() {
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		fmt.Println(err)
		return
	}
	for name, p := range map[string][]byte{
		"cats/1.png": picture.Bytes(), "dogs/1.png": picture.Bytes(), "dogs/2.png": picture.Bytes()[:40], "dogs/notes.txt": nil,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, p, 0o666)); err != nil {
			fmt.Println(err)
			return
		}
	}
	o := dataset.Options{Size: 28, Note: func(line string) { fmt.Println("note:", line) }}
	_, err = dataset.Load(context.Background(), dir, o)
	var bad *dataset.PicturesError
	if errors.As(err, &bad) {
		fmt.Println(filepath.Base(bad.Bad[0].Path)+":", bad.Bad[0].Reason)
	}
	o.SkipBad, o.Note = true, nil
	d, err := dataset.Load(context.Background(), dir, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.N, "images,", d.Classes, d.Labels)
	// Output:
	// note: 1 file left out (.txt 1): no pictures that are read here
	// note: reading 3 pictures
	// 2.png: PNG cut short
	// 2 images, [cats dogs] [0 1]
}
