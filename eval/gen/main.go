// Gen puts a trained classifier into a package, its weights as half-precision numbers:
//
//	go run ./eval/gen [-command TEXT] RUN/classifier.safetensors eval/mnist
package main

import (
	"flag"
	"log"
	"path/filepath"

	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	command := flag.String("command", "", "what the provenance says of how the classifier was made, in place of what the file says")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: gen [-command TEXT] CLASSIFIER DIR")
	}
	m, err := model.Load(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := eval.NewClassifier(m); err != nil {
		log.Fatal(err)
	}
	if *command != "" {
		m.Provenance.Command = *command
	}
	if err := m.Save(filepath.Join(flag.Arg(1), train.ClassifierFile), model.SaveOptions{Half: true}); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d parameters, %+v", m.Parameters(), m.Provenance)
}
