//go:build ignore

// Program embed puts a trained generator into this package: its weights as half-precision numbers, or in bytes, or both.
//
//	go run embed.go RUN/generator.safetensors
//	go run embed.go -form int8 RUN/generator.safetensors
package main

import (
	"context"
	"flag"
	"log"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantize"
)

func main() {
	log.SetFlags(0)
	form := flag.String("form", "float", "float, int8 or both")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: go run embed.go [-form float|int8|both] GENERATOR")
	}
	if err := embed(flag.Arg(0), *form); err != nil {
		log.Fatal(err)
	}
}

func embed(path, form string) error {
	const out = "generator.safetensors"
	m, err := model.Load(path)
	if err != nil {
		return err
	}
	half := model.SaveOptions{Half: true}
	if form == "float" {
		return m.Save(out, half)
	}
	q, _, err := quantize.Quantize(context.Background(), m, quantize.Options{Log: func(s string) { log.Print(s) }})
	if err != nil {
		return err
	}
	switch form {
	case "int8":
		return q.Save(out, nil, half)
	case "both":
		return q.Save(out, m, half)
	}
	log.Fatalf("-form %s: want float, int8 or both", form)
	return nil
}
