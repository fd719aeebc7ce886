package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/htmlreport"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
)

// perfect is the PSNR of pictures that agree in every pixel: JSON has no infinity.
const perfect = 999

// seen returns pixels of c channels with their colors multiplied by alpha, if they have it:
// differences that cannot be seen are none.
func seen(pix []uint8, c int) []uint8 {
	if !dataset.HasAlpha(c) {
		return pix
	}
	out := slices.Clone(pix)
	for p := out; len(p) >= c; p = p[c:] {
		for i, v := range p[:c-1] {
			p[i] = uint8((int(v)*int(p[c-1]) + 127) / 255)
		}
	}
	return out
}

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
func (g *grids) grid(pixels []uint8) (htmlreport.HTML, error) {
	n := min(gridImages, len(pixels)/g.shape.Len())
	img := picture.GridMargin(pixels[:n*g.shape.Len()], g.shape.H, g.shape.W, g.shape.C, gridColumns(0, n), 1)
	return htmlreport.PNG(img)
}

// difference returns the amplified distance of the pixels. Where there is alpha it is the most that
// can be seen of it on any ground, and opaque.
func (g *grids) difference() []uint8 {
	n, c := min(len(g.float), gridImages*g.shape.Len()), g.shape.C
	a, b := seen(g.float[:n], c), seen(g.int8[:n], c)
	d := make([]uint8, n)
	for i := range d {
		v := int(a[i]) - int(b[i])
		d[i] = uint8(min(255, amplified*max(v, -v)))
	}
	if !dataset.HasAlpha(c) {
		return d
	}
	for p := d; len(p) >= c; p = p[c:] {
		for i, v := range p[:c-1] {
			p[i] = max(v, p[c-1])
		}
		p[c-1] = 255
	}
	return d
}

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
	page, err := r.page()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"report.json": append(text, '\n'), "index.html": page}, nil
}

// page is index.html.
func (r *quantizeReport) page() ([]byte, error) {
	const rules = ".bar { background: #37b; height: .7rem; min-width: 1px }\n.dropped { color: #888 }\n"
	h := htmlreport.NewPage(r.Out+": int8 against float32", rules)
	h.Printf("<h1>%s in 8-bit integers</h1>\n<table>\n", r.Model)
	h.Row("images compared", "%d", r.Images)
	h.Row("their PSNR", "%.2f dB", r.PSNR)
	if t := r.FineTuning; t != nil {
		fate := "dropped: no nearer"
		if t.Kept {
			fate = "kept"
		}
		h.Row("fine-tuning", "%d steps, %.2f dB before, %s", t.Steps, t.PSNR, htmlreport.HTML(fate))
	}
	h.Row("pixel error, mean and largest, of 255", "%.3f, %d", r.Mean, r.Largest)
	h.Row("pixels that agree", "%.4f", r.Same)
	h.Row("bits of weights", "%d", r.WeightBits)
	h.Row("file, float32 and int8", "%d, %d bytes", r.FloatBytes, r.Int8Bytes)
	h.Row("sha256 of the int8 pixels", "<code>%s</code>", r.SHA256)
	h.Printf("</table>\n")
	if err := r.writeGrids(h); err != nil {
		return nil, err
	}
	r.writeCalibration(h)
	h.Printf("<h2>Speed</h2>\n<p>Median time of a picture on one thread, %s, kernels %s.</p>\n", r.Platform, r.Kernel)
	h.Printf("<table>\n<tr><th>batch<th>float32, ms<th>int8, ms<th>times as fast\n")
	for _, s := range r.Speed {
		h.Printf("<tr><td>%d<td>%.3f<td>%.3f<td>%.2f\n", s.Batch, s.FloatMS, s.Int8MS, s.FloatMS/s.Int8MS)
	}
	h.Printf("</table>\n<p>gantiny %s</p>\n", r.Version)
	return h.End(), nil
}

// writeGrids shows pictures of both forms and their difference, as far as they are pictures.
func (r *quantizeReport) writeGrids(h *htmlreport.Page) error {
	h.Printf("<h2>The same latents</h2>\n<div class=\"grids\">\n")
	if r.grids.shape.C <= 4 {
		for _, g := range []struct {
			title, caption string
			pixels         []uint8
		}{
			{"float32", "float32", r.grids.float}, {"int8", "int8", r.grids.int8},
			{"difference", fmt.Sprintf("difference, %d times as large", amplified), r.grids.difference()},
		} {
			url, err := r.grids.grid(g.pixels)
			if err != nil {
				return err
			}
			h.Figure(g.caption, url, g.title)
			h.Printf("\n")
		}
	}
	h.Printf("</div>\n")
	return nil
}

// writeCalibration says what each layer loses and what was tried.
func (r *quantizeReport) writeCalibration(h *htmlreport.Page) {
	h.Printf("<h2>Signal to noise by layer</h2>\n<table>\n<tr><th>layer<th>range of its input by<th>scale<th>zero point<th>its output, dB<th>\n")
	for _, l := range r.Calibration.Layers {
		h.Printf("<tr><td>%s<td>%s<td>%.5g<td>%d<td>%.1f<td><div class=\"bar\" style=\"width: %.0fpx\"></div>\n",
			l.Name, l.Observer, float64(l.Input.Scale), int(l.Input.Zero), l.SNR, l.SNR)
	}
	h.Printf("</table>\n<h2>What was tried</h2>\n<p>PSNR of the images of %d among %d latents of the calibration, before pixels are rounded. "+
		"Each measure stays only if it gains.</p>\n<table>\n", r.Calibration.Judged, r.Calibration.Images)
	for _, s := range r.Calibration.Steps {
		class, fate := htmlreport.HTML(` class="dropped"`), "dropped"
		if s.Kept {
			class, fate = "", "kept"
		}
		h.Printf("<tr%s><td>%s<td>%.2f dB<td>%s\n", class, s.Name, s.PSNR, fate)
	}
	h.Printf("</table>\n")
}
