package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
)

// A table is what one run of this program found; the fields are those of --json.
type table struct {
	What    string    `json:"what"`
	Network string    `json:"network"` // "" where --model names a file
	Machine string    `json:"machine"`
	CPUs    int       `json:"cpus"`
	Gantiny string    `json:"gantiny"` // its kernel row and Go version
	CPU     bool      `json:"cpu"`     // least processor times in place of medians
	Rows    []row     `json:"rows"`
	Skipped []skipped `json:"skipped"`
}

type row struct {
	Peer      string  `json:"peer"`
	Batch     int     `json:"batch"`
	Threads   int     `json:"threads"`
	PeerMS    float64 `json:"peer_ms"`
	GantinyMS float64 `json:"gantiny_ms"`
	Ratio     float64 `json:"ratio"` // gantiny's time to the peer's, median of the rounds' ratios
	PeerRate  float64 `json:"peer_images_per_s"`
	OwnRate   float64 `json:"gantiny_images_per_s"`
	Rounds    int     `json:"rounds"`
}

type skipped struct {
	Peer    string `json:"peer"`
	Reason  string `json:"reason"`
	Install string `json:"install"`
}

func newTable(what string) *table {
	return &table{What: what, Machine: machine(), CPUs: runtime.NumCPU(), Rows: []row{}, Skipped: []skipped{}}
}

// skip notes, once a peer, that it does not take part.
func (t *table) skip(c contestant, err error) {
	if !slices.ContainsFunc(t.Skipped, func(s skipped) bool { return s.Peer == c.name }) {
		t.Skipped = append(t.Skipped, skipped{c.name, err.Error(), c.install})
	}
}

// add enters the peers field[1:] against gantiny, field[0].
func (t *table) add(field []*process, batch, threads int) {
	own := field[0]
	t.Gantiny = own.title
	for _, p := range field[1:] {
		if p.failed {
			continue
		}
		ratios := make([]float64, len(own.ms))
		for i := range ratios {
			ratios[i] = own.ms[i] / p.ms[i]
		}
		r := row{Peer: p.title, Batch: batch, Threads: threads, PeerMS: median(p.ms), GantinyMS: median(own.ms), Ratio: median(ratios), Rounds: len(ratios)}
		if t.CPU {
			r.PeerMS, r.GantinyMS = slices.Min(p.ms), slices.Min(own.ms)
			r.Ratio = r.GantinyMS / r.PeerMS
		}
		r.PeerRate = float64(batch) / r.PeerMS * 1e3
		r.OwnRate = float64(batch) / r.GantinyMS * 1e3
		t.Rows = append(t.Rows, r)
	}
}

func (t *table) markdown(out io.Writer) error {
	w := bufio.NewWriter(out)
	work := map[string]string{"generate": "generate", "half": "generate, dense weights in half precision", "int8": "generate in int8", "train": "one training step"}[t.What]
	if t.Network != "" && t.Network != reference {
		work += ", network " + t.Network
	}
	figure := "medians"
	if t.CPU {
		figure = "least processor times"
	}
	fmt.Fprintf(w, "%s; %s; %d CPUs; %s\n\n", t.Gantiny, t.Machine, t.CPUs, figure)
	fmt.Fprintf(w, "| %s: batch | threads | peer | peer, ms | gantiny, ms | peer, images/s | gantiny, images/s | ratio of times |\n", work)
	fmt.Fprintln(w, "|---:|---:|---|---:|---:|---:|---:|---:|")
	for _, r := range t.Rows {
		fmt.Fprintf(w, "| %d | %d | %s | %s | %s | %.0f | %.0f | %.2f |\n", r.Batch, r.Threads, r.Peer, digits(r.PeerMS), digits(r.GantinyMS), r.PeerRate, r.OwnRate, r.Ratio)
	}
	for _, s := range t.Skipped {
		fmt.Fprintf(w, "\n%s skipped: %s (%s)\n", s.Peer, s.Reason, s.Install)
	}
	return w.Flush()
}

// digits shows three of them, but all before the point.
func digits(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// median of an odd number of values is the middle one, of an even number the mean of the middle
// two.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// machine is the processor's name where the system tells it.
func machine() string {
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}
