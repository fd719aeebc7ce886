package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/htmlreport"
	"github.com/gantiny/gantiny/picture"
)

const (
	reportGrids = 24      // in the report at most
	reportDelay = 50      // hundredths of a second that the animation shows each
	mostBytes   = 1 << 24 // of a grid that is shown
	mostSide    = 1 << 14
)

// reportPage is what the report shows.
type reportPage struct {
	Name                      string
	Epoch, Epochs             int
	Step                      uint64
	Seconds                   float64
	Data                      dataInfo
	Classes                   int
	Command, Version, Kernels string
	GParameters, DParameters  int
	Classifies                bool
	Last                      *reportLine // nil before the first line
	Best                      *reportLine // the first of the least Frechet distance, nil where nothing was measured
	Alarms                    []reportAlarm
	Rollbacks                 []rollback
	Charts                    []htmlreport.HTML
	Grids                     []reportGrid
	Animation                 htmlreport.HTML
	Settings                  []setting
}

// reportLine is a line of metrics of either task.
type reportLine struct {
	Metrics
	Loss     float64 `json:"loss"` // and what else ClassifyMetrics has beside Metrics
	Accuracy float64 `json:"accuracy"`
	Test     float64 `json:"test_accuracy"`
	GradNorm float64 `json:"grad_norm"`
}

// reportAlarm is an alarm of successive epochs.
type reportAlarm struct {
	From, To int
	Text     string
}

type reportGrid struct {
	Epoch int
	URL   htmlreport.HTML
	file  []byte
}

// setting is one of Config's; Changed if it is not the default.
type setting struct {
	Name    string
	Value   string // as in TOML
	Changed bool
}

// writeReport writes ReportFile: what the run has come to so far, in one file that needs no other.
func (r *run) writeReport() error {
	defer debug.FreeOSMemory() // a step allocates nothing that would have the page's memory collected
	lines, err := readMetrics(r.path(MetricsFile), r.t.steps)
	if err != nil {
		return err
	}
	page := r.page(lines)
	if !page.Classifies {
		if page.Grids, err = readGrids(r.path(SamplesDir), page.Epoch); err != nil {
			return err
		}
	}
	page.Animation = animation(page.Grids)
	path := r.path(ReportFile)
	if err := clearPath(path); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(page.html())
		return err
	})
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// page is the report without its grids.
func (r *run) page(lines []reportLine) *reportPage {
	p := &reportPage{
		Name: filepath.Base(r.o.Dir), Epoch: int(r.t.steps) / r.perEpoch, Epochs: r.c.Epochs, Step: r.t.steps, Seconds: r.meter.Total,
		Data: r.data, Classifies: r.task.classifies, Command: r.o.Command, Version: r.o.Version, Kernels: r.t.k.Name,
		GParameters: r.t.g.model.Parameters(),
		Rollbacks:   r.back, Charts: drawn(r.charts(lines)), Alarms: alarms(lines), Settings: r.c.list(),
	}
	if p.Classifies {
		p.Classes = r.t.g.model.Output().Len()
	} else {
		p.Classes, p.DParameters = classes(r.t.g.model), r.t.d.model.Parameters()
	}
	if abs, err := filepath.Abs(r.o.Dir); err == nil {
		p.Name = filepath.Base(abs)
	}
	if n := len(lines); n > 0 {
		p.Last = &lines[n-1]
	}
	for i, m := range lines {
		if m.Eval != (Quality{}) && (p.Best == nil || m.Eval.Frechet < p.Best.Eval.Frechet) {
			p.Best = &lines[i]
		}
	}
	return p
}

// readMetrics reads the lines up to a step. What is no line of metrics is left out.
func readMetrics(path string, step uint64) ([]reportLine, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	var list []reportLine
	for line := range bytes.Lines(text) {
		var m reportLine
		if json.Unmarshal(line, &m) == nil && m.Step <= step {
			list = append(list, m)
		}
	}
	return list, nil
}

// alarms are those of the lines; the same one of successive epochs is one.
func alarms(lines []reportLine) (list []reportAlarm) {
	for _, m := range lines {
		n := len(list)
		switch {
		case m.Alarm == "":
		case n > 0 && list[n-1].To == m.Epoch-1 && firstWords(list[n-1].Text) == firstWords(m.Alarm):
			list[n-1].To, list[n-1].Text = m.Epoch, m.Alarm
		default:
			list = append(list, reportAlarm{m.Epoch, m.Epoch, m.Alarm})
		}
	}
	return list
}

// firstWords tells alarms of one kind from others, whatever their numbers.
func firstWords(s string) string {
	words := strings.Fields(s)
	return strings.Join(words[:min(4, len(words))], " ")
}

// charts are the curves of the lines, over epochs.
func (r *run) charts(lines []reportLine) []htmlreport.Chart {
	// Figures that not every line has are 0 in the others.
	curve := func(name string, always bool, of func(m *reportLine) float64) htmlreport.Series {
		s := htmlreport.Series{Name: name}
		for i := range lines {
			if y := of(&lines[i]); always || y != 0 {
				s.X, s.Y = append(s.X, float64(lines[i].Step)/float64(r.perEpoch)), append(s.Y, y)
			}
		}
		return s
	}
	measured := func(name string, of func(q *Quality) float64) htmlreport.Series {
		s := htmlreport.Series{Name: name}
		for i := range lines {
			if q := &lines[i].Eval; *q != (Quality{}) {
				s.X, s.Y = append(s.X, float64(lines[i].Step)/float64(r.perEpoch)), append(s.Y, of(q))
			}
		}
		return s
	}
	chart := func(title string, curves ...htmlreport.Series) htmlreport.Chart {
		return htmlreport.Chart{Title: title, Series: curves}
	}
	speed := chart("images a second", curve("images/s", true, func(m *reportLine) float64 { return m.ImagesPerSecond }))
	norms := chart("norms of the gradients",
		curve("generator", false, func(m *reportLine) float64 { return m.GGradNorm }), curve("discriminator", false, func(m *reportLine) float64 { return m.DGradNorm }))
	norms.Log = true
	if r.task.classifies {
		norms.Series = []htmlreport.Series{curve("classifier", false, func(m *reportLine) float64 { return m.GradNorm })}
		return []htmlreport.Chart{
			chart("loss", curve("cross-entropy", true, func(m *reportLine) float64 { return m.Loss })),
			chart("share named right", curve("in training", true, func(m *reportLine) float64 { return m.Accuracy }), curve("test pictures", false, func(m *reportLine) float64 { return m.Test })),
			norms, speed,
		}
	}
	frechet := chart("Frechet distance", curve("generator", false, func(m *reportLine) float64 { return m.Eval.Frechet }))
	frechet.Log = true
	return []htmlreport.Chart{
		chart("losses", curve("generator", true, func(m *reportLine) float64 { return m.G }), curve("discriminator", true, func(m *reportLine) float64 { return m.D })),
		chart("probability of being real", curve("D(x)", true, func(m *reportLine) float64 { return m.Real }), curve("D(G(z))", true, func(m *reportLine) float64 { return m.Fake })),
		norms,
		chart("cross-entropy of the auxiliary head",
			curve("reals", false, func(m *reportLine) float64 { return m.ClassReal }), curve("fakes", false, func(m *reportLine) float64 { return m.ClassFake })),
		chart("share of the fakes in which it sees their class", curve("fakes", false, func(m *reportLine) float64 { return m.ClassRight })),
		chart("augmentation",
			curve("probability of a change", false, func(m *reportLine) float64 { return m.AugmentP }), curve("mean sign of D at reals", false, func(m *reportLine) float64 { return m.RealSign })),
		chart("gradient penalty", curve("penalty", false, func(m *reportLine) float64 { return m.Penalty })),
		chart("squared distance from the teacher", curve("teacher", false, func(m *reportLine) float64 { return m.Teacher })),
		frechet,
		chart("precision, recall and coverage", measured("precision", func(q *Quality) float64 { return q.Precision }),
			measured("recall", func(q *Quality) float64 { return q.Recall }), measured("coverage", func(q *Quality) float64 { return q.Coverage })),
		chart("label agreement", curve("pictures", false, func(m *reportLine) float64 { return m.Eval.LabelAgreement })),
		chart("spread of the samples, of 255", curve("sample_std", false, func(m *reportLine) float64 { return m.SampleStd })),
		speed,
	}
}

// drawn are the charts that have a value.
func drawn(charts []htmlreport.Chart) (list []htmlreport.HTML) {
	for _, c := range charts {
		if slices.ContainsFunc(c.Series, func(s htmlreport.Series) bool { return len(s.X) > 0 }) {
			list = append(list, c.SVG())
		}
	}
	return list
}

// readGrids reads grids of epochs up to the last one: all, or reportGrids of them, the first and
// the last among them. What is no such picture is left out.
func readGrids(dir string, last int) ([]reportGrid, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	epochs := map[int]string{}
	var order []int
	for _, e := range entries {
		var epoch int
		name := e.Name()
		if _, err := fmt.Sscanf(name, "epoch-%d.png", &epoch); err == nil && name == gridName(epoch) && e.Type().IsRegular() && epoch > 0 && epoch <= last {
			epochs[epoch] = filepath.Join(dir, name)
			order = append(order, epoch)
		}
	}
	slices.Sort(order)
	if n := len(order); n > reportGrids {
		for i := range reportGrids {
			order[i] = order[i*(n-1)/(reportGrids-1)]
		}
		order = order[:reportGrids]
	}
	var list []reportGrid
	for _, epoch := range order {
		if file := readGrid(epochs[epoch]); file != nil {
			list = append(list, reportGrid{epoch, htmlreport.PNGFile(file), file})
		}
	}
	return list, nil
}

// readGrid returns a grid's file; nil if it is none.
func readGrid(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil || len(file) > mostBytes {
		return nil
	}
	c, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil || c.Width > mostSide || c.Height > mostSide || picture.JoinPNG(io.Discard, [][]byte{file}, 0) != nil {
		return nil
	}
	return file
}

// pngHeader is the beginning of a PNG file: signature, size and kind of colors.
func pngHeader(file []byte) []byte { return file[:33] }

// animation shows the grids one after another, as an animated PNG; "" for fewer than two. Those
// that are not like the last one are left out.
func animation(grids []reportGrid) htmlreport.HTML {
	var frames [][]byte
	for _, g := range grids {
		if bytes.Equal(pngHeader(g.file), pngHeader(grids[len(grids)-1].file)) {
			frames = append(frames, g.file)
		}
	}
	if len(frames) < 2 {
		return ""
	}
	var b bytes.Buffer
	if err := picture.JoinPNG(&b, frames, reportDelay); err != nil {
		return "" // some file is none of ours
	}
	return htmlreport.PNGFile(b.Bytes())
}

// list is every setting with its name.
func (c Config) list() (list []setting) {
	now, usual := reflect.ValueOf(c), reflect.ValueOf(Default())
	for i := range now.NumField() {
		if now.Type().Field(i).Tag.Get("toml") == "-" {
			continue
		}
		value := fmt.Sprint(now.Field(i))
		if now.Field(i).Kind() == reflect.String {
			value = strconv.Quote(value)
		}
		list = append(list, setting{now.Type().Field(i).Tag.Get("toml"), value, !now.Field(i).Equal(usual.Field(i))})
	}
	return list
}

// short is a time, as in 2h05m.
func short(seconds float64) string {
	switch s := int(seconds + 0.5); {
	case s >= 3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	case s >= 60:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%.1f s", seconds)
}
