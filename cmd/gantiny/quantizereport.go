package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math"

	"github.com/gantiny/gantiny/internal/htmlreport"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
)

// perfect is the PSNR of pictures that agree in every pixel: JSON has no infinity.
const perfect = 999

// difference compares pixels.
func difference(a, b []uint8) comparison {
	var c comparison
	var sum, square float64
	same := 0
	for i, v := range a {
		d := int(v) - int(b[i])
		if d == 0 {
			same++
		}
		d = max(d, -d)
		c.Largest = max(c.Largest, d)
		sum += float64(d)
		square += float64(d * d)
	}
	n := float64(len(a))
	c.Mean, c.Same, c.PSNR = sum/n, float64(same)/n, perfect
	if square > 0 {
		c.PSNR = 10 * math.Log10(255*255*n/square)
	}
	return c
}

// grids are the pixels of both forms.
type grids struct {
	float, int8 []uint8
	shape       model.Shape
}

const (
	gridImages = 36 // of the report at most
	amplified  = 8  // differences are shown so many times as large
)

// grid returns the first images as the URL of a PNG.
func (g *grids) grid(pixels []uint8) (template.URL, error) {
	n := min(gridImages, len(pixels)/g.shape.Len())
	img := picture.GridMargin(pixels[:n*g.shape.Len()], g.shape.H, g.shape.W, g.shape.C, gridColumns(0, n), 1)
	return htmlreport.PNG(img)
}

// difference returns the amplified distance of the pixels.
func (g *grids) difference() []uint8 {
	d := make([]uint8, min(len(g.float), gridImages*g.shape.Len()))
	for i := range d {
		v := int(g.float[i]) - int(g.int8[i])
		d[i] = uint8(min(255, amplified*max(v, -v)))
	}
	return d
}

//go:embed report.html
var reportHTML string

// finite makes the figures those that JSON knows: what agrees to the last bit is perfect. A layer
// whose outputs are no finite numbers is an error.
func (r *quantizeReport) finite() error {
	tidy := func(what string, v *float64) error {
		switch {
		case math.IsInf(*v, 1):
			*v = perfect
		case math.IsNaN(*v) || math.IsInf(*v, -1):
			return fmt.Errorf("%s: signal to noise is %v: the model's numbers are too large to compute with", what, *v)
		}
		return nil
	}
	for i := range r.Calibration.Layers {
		l := &r.Calibration.Layers[i]
		if err := tidy("layer "+l.Name, &l.SNR); err != nil {
			return err
		}
	}
	for i := range r.Calibration.Steps {
		s := &r.Calibration.Steps[i]
		if err := tidy("calibration, "+s.Name, &s.PSNR); err != nil {
			return err
		}
	}
	return nil
}

// files are the report's, index.html and report.json.
func (r *quantizeReport) files() (map[string][]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	type grid struct {
		Title string
		URL   template.URL
	}
	page := struct {
		*quantizeReport
		Grids     []grid
		Amplified int
	}{quantizeReport: r, Amplified: amplified}
	if c := r.grids.shape.C; c == 1 || c == 3 {
		for _, g := range []struct {
			title  string
			pixels []uint8
		}{{"float32", r.grids.float}, {"int8", r.grids.int8}, {"difference", r.grids.difference()}} {
			url, err := r.grids.grid(g.pixels)
			if err != nil {
				return nil, err
			}
			page.Grids = append(page.Grids, grid{g.title, url})
		}
	}
	t, err := template.New("report").Funcs(template.FuncMap{"style": htmlreport.Style}).Parse(reportHTML)
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := t.Execute(&html, page); err != nil {
		return nil, err
	}
	return map[string][]byte{"report.json": append(text, '\n'), "index.html": html.Bytes()}, nil
}
