//go:build ignore

// Program embed puts a trained generator into this package, its weights as half-precision numbers:
//
//	go run embed.go RUN/generator.safetensors
package main

import (
	"log"
	"os"

	"github.com/gantiny/gantiny/model"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run embed.go GENERATOR")
	}
	m, err := model.Load(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := m.Save("generator.safetensors", model.SaveOptions{Half: true}); err != nil {
		log.Fatal(err)
	}
}
