// Gen puts a trained classifier into a package, its weights as half-precision numbers:
//
//	go run ./eval/gen RUN/classifier.safetensors eval/mnist
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: gen CLASSIFIER DIR")
	}
	m, err := model.Load(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if _, err := eval.NewClassifier(m); err != nil {
		log.Fatal(err)
	}
	if err := m.Save(filepath.Join(os.Args[2], train.ClassifierFile), model.SaveOptions{Half: true}); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d parameters, %+v", m.Parameters(), m.Provenance)
}
