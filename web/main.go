//go:build js

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"syscall/js"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/explorer"
	"github.com/gantiny/gantiny/latent"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// drawer is the opened model.
type drawer struct {
	g       *gantiny.Generator
	session *model.Session
	inputs  int
	latent  int // index of the input; class is -1 without classes
	class   int
}

func main() {
	d := &drawer{}
	object := js.Global().Get("Object").New()
	for name, call := range map[string]func(args []js.Value) (any, error){
		"open": d.open, "latents": d.latents, "directions": d.directions, "images": d.images, "kernel": kernel,
	} {
		object.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any {
			value, err := call(args)
			if err != nil {
				return map[string]any{"error": err.Error()}
			}
			return map[string]any{"value": value}
		}))
	}
	js.Global().Set("gantiny", object)
	select {}
}

// open takes the bytes of a model and returns what it is, as JSON.
func (d *drawer) open(args []js.Value) (any, error) {
	b := make([]byte, args[0].Length())
	js.CopyBytesToGo(b, args[0])
	g, err := gantiny.Read(b)
	if err != nil {
		return nil, err
	}
	m := g.Model()
	d.g, d.inputs = g, len(m.Inputs())
	if d.latent, d.class, err = m.GeneratorInputs(); err != nil {
		return nil, err
	}
	if err := explorer.CanEncode(explorer.PNG, m.Output()); err != nil {
		return nil, err
	}
	if d.session, err = m.NewSession(model.Options{Threads: 1, Winograd: true}); err != nil {
		return nil, err
	}
	info, err := explorer.InfoOf(m, m.Name, "")
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(info)
	return string(text), err
}

// latents takes a seed in decimal digits and a number of images.
func (d *drawer) latents(args []js.Value) (any, error) {
	seed, err := strconv.ParseUint(args[0].String(), 10, 64)
	if err != nil {
		return nil, err
	}
	z := make([]float32, args[1].Int()*d.g.Latent())
	model.Latents(z, d.g.Latent(), seed, 0)
	return floatsToJS(z), nil
}

// directions takes how many are wanted and returns them as JSON.
func (d *drawer) directions(args []js.Value) (any, error) {
	all, err := latent.PrincipalDirections(d.g.Model())
	if err != nil {
		all = latent.Directions{} // its first layer has none
	}
	text, err := json.Marshal(all.First(args[0].Int()))
	return string(text), err
}

// images takes the kind of file, latents, a class or -1, and columns or 0. It returns the file.
func (d *drawer) images(args []js.Value) (any, error) {
	kind, z := explorer.Kind(args[0].String()), floatsFromJS(args[1])
	dim, out := d.g.Latent(), d.g.Model().Output()
	n := len(z) / dim
	if n < 1 || n*dim != len(z) {
		return nil, fmt.Errorf("%d numbers, want %d for each picture", len(z), dim)
	}
	feed := model.Feed{In: make([]model.Data, d.inputs), Out: make([]model.Data, len(d.g.Model().Outputs()))}
	feed.In[d.latent].Floats = z
	if d.class >= 0 {
		class := args[2].Int()
		if class < 0 || class >= d.g.Classes() {
			return nil, fmt.Errorf("class %d: the model has classes 0 to %d", class, d.g.Classes()-1)
		}
		classes := make([]int32, n)
		for i := range classes {
			classes[i] = int32(class)
		}
		feed.In[d.class].Classes = classes
	}
	pix := make([]uint8, n*out.Len())
	feed.Out[0].Pixels = pix
	if err := d.session.RunFeed(context.Background(), feed); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := explorer.Write(&b, kind, pix, out, args[3].Int()); err != nil {
		return nil, err
	}
	file := js.Global().Get("Uint8Array").New(b.Len())
	js.CopyBytesToJS(file, b.Bytes())
	return file, nil
}

// kernel returns the name of the row that draws, see package simd: whether the browser lets the
// program use vectors is seen by it.
func kernel([]js.Value) (any, error) { return simd.Best().Name, nil }

// floatsToJS returns a Float32Array of x.
func floatsToJS(x []float32) js.Value {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	bytes := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(bytes, b)
	return js.Global().Get("Float32Array").New(bytes.Get("buffer"))
}

// floatsFromJS returns the numbers of a Float32Array.
func floatsFromJS(v js.Value) []float32 {
	b := make([]byte, v.Get("byteLength").Int())
	js.CopyBytesToGo(b, js.Global().Get("Uint8Array").New(v.Get("buffer"), v.Get("byteOffset"), v.Get("byteLength")))
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}
