package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/board"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// SuitePi measures a small board: the reference generator in floats and in bytes, with any weights.
const SuitePi = "pi"

// SuiteReport is a result file; its JSON names are a contract.
type SuiteReport struct {
	Suite    string          `json:"suite"`
	Time     string          `json:"time"`
	Version  string          `json:"version"`
	Go       string          `json:"go"`
	Platform string          `json:"platform"` // linux/arm64
	Kernel   string          `json:"kernel"`
	Machine  board.Machine   `json:"machine"`
	Before   board.Condition `json:"before"`
	After    board.Condition `json:"after"`
	Cases    []Case          `json:"cases"`
	Against  string          `json:"against,omitempty"` // the earlier file of the cases' ratios
}

// Case is one measurement: a Run of a batch, again and again.
type Case struct {
	Form     string  `json:"form"` // float32 or int8
	Batch    int     `json:"batch"`
	Threads  int     `json:"threads"`
	MedianMS float64 `json:"median_ms"`
	LowMS    float64 `json:"p10_ms"` // a tenth of the runs are below,
	HighMS   float64 `json:"p90_ms"` // a tenth above
	Runs     int     `json:"runs"`
	Images   float64 `json:"images_per_second"`
	Ratio    float64 `json:"ratio,omitempty"` // of the median to the earlier file's
}

// Same tells whether two cases measure the same.
func (c Case) Same(d Case) bool {
	return c.Form == d.Form && c.Batch == d.Batch && c.Threads == d.Threads
}

// SuiteOptions say how a suite is measured.
type SuiteOptions struct {
	Threads int // all that there are
	Kernels *simd.Kernels
	Seconds float64            // how long each case takes at least
	Version string             // of this program
	System  fs.FS              // the root of the machine's files
	OnCase  func(done, of int) // after each case; nil for none
}

// RunSuite measures all cases.
func RunSuite(ctx context.Context, o SuiteOptions) (*SuiteReport, error) {
	r := &SuiteReport{
		Suite: SuitePi, Time: time.Now().UTC().Format(time.RFC3339), Version: o.Version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernel: o.Kernels.Name, Machine: board.ReadMachine(o.System),
	}
	networks, err := suiteNetworks(ctx, o.Kernels)
	if err != nil {
		return nil, err
	}
	cases := suiteCases(o, networks)
	r.Before = conditionNow(o)
	for i, c := range cases {
		measured, err := measureCase(ctx, c.network, c.options, o.Seconds)
		if err != nil {
			return nil, err
		}
		r.Cases = append(r.Cases, measured)
		if o.OnCase != nil {
			o.OnCase(i+1, len(cases))
		}
	}
	r.After = conditionNow(o)
	return r, nil
}

// toMeasure is a case before it is measured.
type toMeasure struct {
	network Network
	options model.Options
}

// suiteCases are one image and eight of each network, on one thread and on all.
func suiteCases(o SuiteOptions, networks []Network) (list []toMeasure) {
	for _, n := range networks {
		for _, batch := range []int{1, 8} {
			for _, threads := range slices.Compact([]int{1, o.Threads}) {
				list = append(list, toMeasure{n, model.Options{Batch: batch, Threads: threads, Kernels: o.Kernels}})
			}
		}
	}
	return list
}

// suiteNetworks are the reference generator in both forms. Any weights take the same time, so it is
// calibrated with a few images.
func suiteNetworks(ctx context.Context, k *simd.Kernels) ([]Network, error) {
	float := model.Generator(model.Config{})
	float.Init(1, model.GlorotUniform)
	int8, _, err := float.Quantize(ctx, quant.Options{Images: 4, Kernels: k})
	if err != nil {
		return nil, err
	}
	return []Network{Of("reference", float), Of("reference", int8)}, nil
}

// conditionNow is the machine's condition with the peak that it reaches now.
func conditionNow(o SuiteOptions) board.Condition {
	p, most := newPeakMeter(o.Kernels, 1, false), 0.0
	for range 5 {
		most = max(most, p.sample())
	}
	c := board.ReadCondition(o.System)
	c.PeakGOPS = most / 1e9
	return c
}

// measureCase calls Run for so many seconds, and three times at least, after a first call that is
// not counted.
func measureCase(ctx context.Context, n Network, o model.Options, seconds float64) (Case, error) {
	c := Case{Form: n.Form, Batch: o.Batch, Threads: o.Threads}
	session, err := n.Model.NewSession(o)
	if err != nil {
		return c, err
	}
	defer session.Close()
	feed := n.feed(o.Batch)
	var times []float64
	for begin := time.Now(); len(times) < 4 || time.Since(begin).Seconds() < seconds; {
		start := time.Now()
		if err := session.RunFeed(ctx, feed); err != nil {
			return c, err
		}
		times = append(times, time.Since(start).Seconds())
	}
	times = slices.Sorted(slices.Values(times[1:]))
	m := Median(times)
	c.MedianMS, c.LowMS, c.HighMS = m*1e3, times[len(times)/10]*1e3, times[len(times)-1-len(times)/10]*1e3
	c.Runs, c.Images = len(times), float64(o.Batch)/m
	return c, nil
}

// ReadSuite decodes what RunSuite returned once.
func ReadSuite(encoded []byte) (*SuiteReport, error) {
	r := &SuiteReport{}
	if err := json.Unmarshal(encoded, r); err != nil {
		return nil, fmt.Errorf("no result of bench --suite: %w", err)
	}
	if r.Suite == "" || len(r.Cases) == 0 {
		return nil, errors.New("no result of bench --suite")
	}
	return r, nil
}

// Compare fills in the ratios to an earlier report, which is from a file of that name.
func (r *SuiteReport) Compare(name string, earlier *SuiteReport) {
	r.Against = name
	for i := range r.Cases {
		c := &r.Cases[i]
		if at := slices.IndexFunc(earlier.Cases, c.Same); at >= 0 && earlier.Cases[at].MedianMS > 0 {
			c.Ratio = c.MedianMS / earlier.Cases[at].MedianMS
		}
	}
}

// Print writes a table.
func (r *SuiteReport) Print(w io.Writer) error {
	var known []string
	for _, s := range []string{r.Machine.Board, r.Machine.Processors, r.Machine.System} {
		if s != "" {
			known = append(known, s)
		}
	}
	fmt.Fprintf(w, "%s\ngantiny %s, %s, %s, kernels %s\nbefore: %v\nafter:  %v\n\n",
		strings.Join(append(known, r.Platform), "; "), r.Version, r.Go, r.Platform, r.Kernel, r.Before, r.After)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "form\tbatch\tthreads\tms\t10% to 90%\timages/s\t")
	if r.Against != "" {
		fmt.Fprintf(t, "of %s\t", r.Against)
	}
	fmt.Fprintln(t)
	for _, c := range r.Cases {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.3f\t%.3f to %.3f\t%.1f\t", c.Form, c.Batch, c.Threads, c.MedianMS, c.LowMS, c.HighMS, c.Images)
		if c.Ratio > 0 {
			fmt.Fprintf(t, "%.2f\t", c.Ratio)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
