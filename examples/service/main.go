// Command service draws a digit anew for every request to http://localhost:8080: a PNG from the
// int8 model that it embeds. Requests may come at the same time; a client that leaves ends its
// drawing.
package main

import (
	"image/png"
	"log"
	"math/rand/v2"
	"net/http"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

var generator = gantiny.Must(gantiny.Read(digits.Bytes()))

func main() {
	log.Fatal(http.ListenAndServe("localhost:8080", http.HandlerFunc(digit)))
}

func digit(w http.ResponseWriter, r *http.Request) {
	if images, err := generator.Draw(r.Context(), gantiny.Request{Seed: rand.Uint64()}); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	} else {
		png.Encode(w, images[0])
	}
}
