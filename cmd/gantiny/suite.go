package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/simd"
)

// suitePi measures a small board: the reference generator, in floats with any weights and in bytes as it is in this program.
const suitePi = "pi"

// suiteFile is where the results go by default.
const suiteFile = "gantiny-pi.json"

// suiteReport is a result file; its JSON names are a contract.
type suiteReport struct {
	Suite    string      `json:"suite"`
	Time     string      `json:"time"`
	Version  string      `json:"version"`
	Go       string      `json:"go"`
	Platform string      `json:"platform"` // linux/arm64
	Kernel   string      `json:"kernel"`
	Machine  machine     `json:"machine"`
	Before   condition   `json:"before"`
	After    condition   `json:"after"`
	Cases    []suiteCase `json:"cases"`
	Against  string      `json:"against,omitempty"` // the earlier file of the cases' ratios
}

// suiteCase is one measurement: a Run of a batch, again and again.
type suiteCase struct {
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

// same tells whether two cases measure the same.
func (c suiteCase) same(d suiteCase) bool {
	return c.Form == d.Form && c.Batch == d.Batch && c.Threads == d.Threads
}

// checkSuite finds what is wrong with the flags of a suite.
func (f *benchFlags) checkSuite(args []string) error {
	if f.suite == "" {
		for _, name := range []string{"out", "compare"} {
			if f.set(name) {
				return usagef("--%s goes with --suite", name)
			}
		}
		return nil
	}
	if f.suite != suitePi {
		return usagef("--suite %s: want %s", f.suite, suitePi)
	}
	for _, name := range []string{"batch", "threads", "train", "float"} {
		if f.set(name) {
			return usagef("--suite %s sets --%s itself", f.suite, name)
		}
	}
	if len(args) > 0 {
		return usagef("--suite %s measures the reference network, not %s", f.suite, args[0])
	}
	if f.json && f.out == "-" {
		return usagef("--json and -o - both want standard output")
	}
	return nil
}

// runSuite measures all cases, writes the file and prints the result.
func runSuite(ctx context.Context, f *benchFlags, k *simd.Kernels, stdout, stderr io.Writer) error {
	var earlier *suiteReport
	// What is wrong with the files should not be said after a minute.
	if f.compare != "" {
		var err error
		if earlier, err = readSuite(f.compare); err != nil {
			return err
		}
	}
	if f.out != "-" {
		if _, err := os.Stat(filepath.Dir(f.out)); err != nil {
			return fmt.Errorf("-o %s: %w", f.out, err)
		}
	}
	r := &suiteReport{
		Suite: f.suite, Time: time.Now().UTC().Format(time.RFC3339), Version: version(), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernel: k.Name, Machine: readMachine(rootFS()),
	}
	nets, err := suiteNetworks()
	if err != nil {
		return err
	}
	r.Before = conditionNow(k)
	for _, net := range nets {
		for _, batch := range []int{1, 8} {
			for _, threads := range slices.Compact([]int{1, processors()}) {
				c, err := measureCase(ctx, net, model.Options{Batch: batch, Threads: threads, Kernels: k}, f.seconds)
				if err != nil {
					return err
				}
				r.Cases = append(r.Cases, c)
			}
		}
	}
	r.After = conditionNow(k)
	if earlier != nil {
		r.against(f.compare, earlier)
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	encoded = append(encoded, '\n')
	if f.out == "-" {
		_, err := stdout.Write(encoded)
		return err
	}
	if err := atomicfile.WriteFile(f.out, encoded); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s: %s\n", f.out, plural(len(r.Cases), "case"))
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	return r.print(stdout)
}

// suiteNetworks are the reference generator in both forms.
func suiteNetworks() ([]network, error) {
	float := model.Generator(model.Config{})
	float.Init(1, model.GlorotUniform)
	int8, err := pretrained.Quantized()
	return []network{{name: "reference", float: float}, {name: embeddedName, int8: int8}}, err
}

// conditionNow is the machine's condition with the peak that it reaches now.
func conditionNow(k *simd.Kernels) condition {
	p, most := newPeakMeter(k, 1, false), 0.0
	for range 5 {
		most = max(most, p.sample())
	}
	c := readCondition(rootFS())
	c.PeakGOPS = most / 1e9
	return c
}

// measureCase calls Run for so many seconds, and three times at least, after a first call that is not counted.
func measureCase(ctx context.Context, net network, o model.Options, seconds float64) (suiteCase, error) {
	c := suiteCase{Form: net.form(), Batch: o.Batch, Threads: o.Threads}
	session, err := net.newSession(o)
	if err != nil {
		return c, err
	}
	defer session.Close()
	z, x := make([]float32, o.Batch*net.input().Len()), make([]float32, o.Batch*net.output().Len())
	model.Latents(z, net.input().Len(), 1, 0)
	var times []float64
	for begin := time.Now(); len(times) < 4 || time.Since(begin).Seconds() < seconds; {
		start := time.Now()
		if err := session.RunContext(ctx, x, z); err != nil {
			return c, err
		}
		times = append(times, time.Since(start).Seconds())
	}
	times = slices.Sorted(slices.Values(times[1:]))
	m := median(times)
	c.MedianMS, c.LowMS, c.HighMS = m*1e3, times[len(times)/10]*1e3, times[len(times)-1-len(times)/10]*1e3
	c.Runs, c.Images = len(times), float64(o.Batch)/m
	return c, nil
}

// readSuite reads a result file.
func readSuite(name string) (*suiteReport, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--compare: %w", err)
	}
	r := &suiteReport{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("--compare %s: no result of bench --suite: %w", name, err)
	}
	if r.Suite == "" || len(r.Cases) == 0 {
		return nil, fmt.Errorf("--compare %s: no result of bench --suite", name)
	}
	return r, nil
}

// against fills in the ratios to an earlier report.
func (r *suiteReport) against(name string, earlier *suiteReport) {
	r.Against = name
	for i := range r.Cases {
		c := &r.Cases[i]
		if at := slices.IndexFunc(earlier.Cases, c.same); at >= 0 && earlier.Cases[at].MedianMS > 0 {
			c.Ratio = c.MedianMS / earlier.Cases[at].MedianMS
		}
	}
}

func (r *suiteReport) print(w io.Writer) error {
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
