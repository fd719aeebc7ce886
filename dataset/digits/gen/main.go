// Gen cuts the built-in digits out of MNIST's training files:
//
//	go run ./dataset/digits/gen MNIST-DIR OUTPUT-DIR
package main

import (
	"compress/gzip"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/dataset/digits"
	"github.com/gantiny/gantiny/internal/atomicfile"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: gen MNIST-DIR OUTPUT-DIR")
	}
	d, err := dataset.Open(os.Args[1], dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	const n = digits.Count
	if d.N < n || d.C != 1 || d.Labels == nil {
		log.Fatalf("%s: %d images of %d channels, want %d labeled gray ones", os.Args[1], d.N, d.C, n)
	}
	write := func(name string, data []uint8, dims ...int) {
		err := atomicfile.Write(filepath.Join(os.Args[2], name), func(w io.Writer) error {
			z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
			if err != nil {
				return err
			}
			if err := dataset.WriteIDX(z, data, dims...); err != nil {
				return err
			}
			return z.Close()
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	write("digits-images-idx3-ubyte.gz", d.Pix[:n*d.H*d.W], n, d.H, d.W)
	labels := make([]uint8, n)
	for i, v := range d.Labels[:n] {
		labels[i] = uint8(v)
	}
	write("digits-labels-idx1-ubyte.gz", labels, n)
}
