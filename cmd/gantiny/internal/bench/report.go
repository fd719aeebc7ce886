package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
)

// Report is what a measurement finds; its JSON names are a contract.
type Report struct {
	Model    string  `json:"model"`
	Train    bool    `json:"train"`
	Batch    int     `json:"batch"`
	Threads  int     `json:"threads"`
	Kernel   string  `json:"kernel"`
	MedianMS float64 `json:"median_ms"` // of one Run of the batch, or of one training step
	Runs     int     `json:"runs"`
	Images   float64 `json:"images_per_second"`
	PeakGOPS float64 `json:"peak_gops"` // of one thread, median
	Layers   []Layer `json:"layers"`
	Sums     []Sum   `json:"sums,omitempty"` // of a training step
}

// Sum is what the parts of one kind take together.
type Sum struct {
	Name  string  `json:"name"`
	MS    float64 `json:"ms"`
	Share float64 `json:"share"` // of the step
}

// Layer is what one layer, or one stage of it in training, takes.
type Layer struct {
	Name    string  `json:"name"`
	MS      float64 `json:"ms"`
	GOPS    float64 `json:"gops"`         // of the multiply-adds that touch a pixel
	Nominal float64 `json:"nominal_gops"` // padding counted too
	Share   float64 `json:"peak_share"`   // of the peak of all threads, of floats or of bytes as the model is
	By      string  `json:"by,omitempty"` // how it is computed: direct, Winograd, dense, thin
}

// The kinds of a training step's parts.
const (
	Products    = "products of layers"
	Elementwise = "element-wise"
	Packing     = "packing"
	Others      = "Adam, losses, data"
	Rest        = "all but products"
)

// newReport sums up what was measured.
func newReport(name string, training bool, o Options, m *measured) *Report {
	r := &Report{Model: name, Train: training, Batch: o.Batch, Threads: o.Threads, Kernel: o.Kernels.Name}
	total := Median(m.total)
	r.PeakGOPS = Median(m.peaks) / float64(r.Threads) / 1e9
	r.MedianMS, r.Runs, r.Images = total*1e3, len(m.total), float64(r.Batch)/total
	left := total
	kinds := map[string]float64{}
	for _, p := range m.parts {
		s := Median(p.runs)
		left -= s
		kinds[p.kind] += s
		l := Layer{Name: p.name, MS: s * 1e3, By: p.by}
		if p.macs > 0 && s > 0 {
			l.GOPS, l.Nominal = 2*float64(p.macs)/s/1e9, 2*float64(p.nominal)/s/1e9
			l.Share = Median(p.shares)
		}
		r.Layers = append(r.Layers, l)
	}
	left = max(left, 0)
	r.Layers = append(r.Layers, Layer{Name: "other", MS: left * 1e3})
	if !r.Train {
		return r
	}
	kinds[Others], kinds[Rest] = left, total-kinds[Products]
	for _, kind := range []string{Products, Elementwise, Packing, Others, Rest} {
		r.Sums = append(r.Sums, Sum{Name: kind, MS: kinds[kind] * 1e3, Share: kinds[kind] / total})
	}
	return r
}

// Print writes a table.
func (r *Report) Print(w io.Writer) error {
	what := fmt.Sprintf("%s, batch %d", display.Line(r.Model), r.Batch)
	if r.Train {
		what = fmt.Sprintf("one training step, %s, batch %d", display.Line(r.Model), r.Batch)
	}
	fmt.Fprintf(w, "%s, %s, kernels %s: %.3f ms, %.0f images/s (median of %d); peak %.1f GOP/s a thread\n\n",
		what, display.Plural(r.Threads, "thread"), r.Kernel, r.MedianMS, r.Images, r.Runs, r.PeakGOPS)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tms\ttime\tGOP/s\tnominal\tof peak\tby")
	for _, l := range r.Layers {
		fmt.Fprintf(t, "%s\t%.3f\t%.1f%%", display.Line(l.Name), l.MS, 100*l.MS/r.MedianMS)
		if l.GOPS > 0 {
			fmt.Fprintf(t, "\t%.1f\t%.1f", l.GOPS, l.Nominal)
		}
		if l.Share > 0 {
			fmt.Fprintf(t, "\t%.0f%%\t%s", 100*l.Share, l.By)
		}
		fmt.Fprintln(t)
	}
	if len(r.Sums) > 0 {
		fmt.Fprintln(t)
	}
	for _, s := range r.Sums {
		fmt.Fprintf(t, "%s\t%.3f\t%.1f%%\n", s.Name, s.MS, 100*s.Share)
	}
	return t.Flush()
}
