// Command sprites draws a sheet for a game: sprites.png holds four of each digit, white on
// transparent, and sprites.json says where each one is, in the form that engines know from
// TexturePacker ("JSON hash").
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
	"path/filepath"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

// A Sheet is what sprites.json holds.
type Sheet struct {
	Frames map[string]Frame `json:"frames"` // by name: "7-0" is the first seven
	Meta   Meta             `json:"meta"`
}

// Frame is where a sprite is.
type Frame struct {
	Frame Rect `json:"frame"`
}

// Meta is what the frames are of.
type Meta struct {
	Image string `json:"image"`
	Size  Rect   `json:"size"`
}

// Rect is in pixels.
type Rect struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

func main() {
	if err := write(".", 4, 1); err != nil {
		log.Fatal(err)
	}
}

// write draws so many of each class, and writes sheet and list into a directory.
func write(dir string, each int, seed uint64) error {
	atlas, sheet, err := draw(each, seed)
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, atlas); err != nil {
		return err
	}
	list, err := json.MarshalIndent(sheet, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, sheet.Meta.Image), picture.Bytes(), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "sprites.json"), list, 0o666)
}

// draw has a row for each sprite of a class and a column for each class, with a pixel between them,
// so that nothing bleeds from one into the next where a sheet is scaled.
func draw(each int, seed uint64) (*image.NRGBA, *Sheet, error) {
	g, err := gantiny.Read(digits.Bytes())
	if err != nil {
		return nil, nil, err
	}
	defer g.Close()
	classes := g.Classes()
	images, err := g.Draw(context.Background(), gantiny.Request{N: each * classes, Seed: seed}) // classes take turns
	if err != nil {
		return nil, nil, err
	}
	w, h := images[0].Bounds().Dx(), images[0].Bounds().Dy()
	atlas := image.NewNRGBA(image.Rect(0, 0, classes*(w+1), each*(h+1)))
	sheet := &Sheet{map[string]Frame{}, Meta{"sprites.png", Rect{0, 0, atlas.Rect.Dx(), atlas.Rect.Dy()}}}
	for i, m := range images {
		class, nth := i%classes, i/classes
		left, top := class*(w+1), nth*(h+1)
		sheet.Frames[fmt.Sprintf("%d-%d", class, nth)] = Frame{Rect{left, top, w, h}}
		for p := range w * h {
			ink := m.(*image.Gray).GrayAt(p%w, p/w).Y
			atlas.SetNRGBA(left+p%w, top+p/w, color.NRGBA{255, 255, 255, ink})
		}
	}
	return atlas, sheet, nil
}
