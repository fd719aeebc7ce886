// Command wasm draws digits in a browser, by WebAssembly. In this directory:
//
//	GOOS=js GOARCH=wasm go build -o digits.wasm
//	cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" .
//	python3 -m http.server
//
// and then http://localhost:8000/ has a page with a button. What Go does is in draw.go, how
// JavaScript calls it in main_js.go, and the page is index.html.
package main

import (
	"context"
	"image"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

var generator = gantiny.Must(gantiny.Read(digits.Bytes()))

// digit draws one digit in the form of a canvas' ImageData: red, green, blue and opacity of each
// pixel, row by row.
func digit(class int, seed uint64) (pixels []byte, width int, err error) {
	images, err := generator.Draw(context.Background(), gantiny.Request{Seed: seed, Class: gantiny.Class(class)})
	if err != nil {
		return nil, 0, err
	}
	m := images[0].(*image.Gray)
	for _, ink := range m.Pix {
		pixels = append(pixels, ink, ink, ink, 255)
	}
	return pixels, m.Stride, nil
}
