package train

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/tfevents"
)

// eventsOf reads a run's events, without their times. Each must have a right checksum.
func eventsOf(t *testing.T, dir string) (list []tfevents.Event) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		e, err := tfevents.Read(f)
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Wall = 0
		list = append(list, e)
	}
}

// told is what the scalars of the events say of the run, without its speed, and which steps have a
// grid.
func told(list []tfevents.Event) (scalars, grids []string) {
	for _, e := range list {
		for _, v := range e.Values {
			switch {
			case v.Image != nil:
				grids = append(grids, fmt.Sprint(e.Step))
			case v.Tag != "images_per_s":
				scalars = append(scalars, fmt.Sprint(e.Step, v.Tag, v.Scalar))
			}
		}
	}
	return scalars, grids
}

func TestTensorBoard(t *testing.T) {
	dir := t.TempDir()
	set := func(c *Config, o *Options) { c.TensorBoard, c.MetricsEvery = true, 3 }
	if err := runIn(t, dir, set); err != nil {
		t.Fatal(err)
	}
	list := eventsOf(t, dir)
	if list[0].Version != "brain.Event:2" {
		t.Errorf("it begins with %+v", list[0])
	}
	_, _, lines := endOf(t, dir)
	var want []string
	for _, m := range lines {
		if m.SampleStd > 0 {
			want = append(want, fmt.Sprint(m.Step, "sample_std", float32(m.SampleStd)))
		}
		for _, x := range []struct {
			tag string
			of  float64
		}{{"g_loss", m.G}, {"d_loss", m.D}, {"d_real", m.Real}, {"d_fake", m.Fake}, {"g_grad_norm", m.GGradNorm}, {"d_grad_norm", m.DGradNorm}} {
			want = append(want, fmt.Sprint(m.Step, x.tag, float32(x.of)))
		}
	}
	got, grids := told(list)
	if !slices.Equal(got, want) {
		t.Errorf("scalars %q, want %q", got, want)
	}
	if want := []string{"4", "8"}; !slices.Equal(grids, want) {
		t.Errorf("grids at steps %v, want %v", grids, want)
	}
	for _, e := range list {
		for _, v := range e.Values {
			if v.Image == nil {
				continue
			}
			img, err := png.Decode(bytes.NewReader(v.Image.PNG))
			if err != nil || img.Bounds().Dx() != v.Image.Width || img.Bounds().Dy() != v.Image.Height || v.Image.Channels != 1 {
				t.Errorf("step %d: %v, %dx%d, %d channels", e.Step, err, v.Image.Height, v.Image.Width, v.Image.Channels)
			}
		}
	}
	plain := t.TempDir()
	if err := runIn(t, plain, nil); err != nil || exists(filepath.Join(plain, EventsFile)) {
		t.Errorf("without the setting there are events, %v", err)
	}
}

// However a run is stopped, no step is told twice when it goes on, and none is missing.
func TestTensorBoardResumes(t *testing.T) {
	whole := t.TempDir()
	set := func(c *Config, o *Options) { c.TensorBoard, c.MetricsEvery = true, 1 }
	if err := runIn(t, whole, set); err != nil {
		t.Fatal(err)
	}
	want, wantGrids := told(eventsOf(t, whole))
	for stop := 1; stop < 2*perEpoch; stop += 2 {
		dir := t.TempDir()
		func() {
			defer func() { recover() }()
			runIn(t, dir, func(c *Config, o *Options) {
				set(c, o)
				o.OnStep = func(s Stats) {
					if s.Step == uint64(stop) {
						panic("end")
					}
				}
			})
		}()
		f, err := os.OpenFile(filepath.Join(dir, EventsFile), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("cut short")
		f.Close()
		if err := runIn(t, dir, func(c *Config, o *Options) { set(c, o); o.Resume = true }); err != nil {
			t.Fatal(err)
		}
		if got, grids := told(eventsOf(t, dir)); !slices.Equal(got, want) || !slices.Equal(grids, wantGrids) {
			t.Errorf("ended at step %d: %q, grids %v, want %q, %v", stop, got, grids, want, wantGrids)
		}
	}
}

// TestReport: the report shows what the run's files hold, needs nothing beside itself, and takes
// names for text.
func TestReport(t *testing.T) {
	const name = `run <script>alert("x")</script>`
	dir := filepath.Join(t.TempDir(), name)
	hostile := *pictures
	hostile.Name = `"><img src=x>`
	c, o := small(), Options{Dir: dir, Command: "gantiny train --out '<b>'", Version: "v0"}
	c.Epochs, c.SampleEvery, c.Data = 5, 2, "</style>"
	o.OnEpoch = func(s Stats) {
		b, err := os.ReadFile(filepath.Join(dir, ReportFile))
		if says := fmt.Sprintf("%d of 5 epochs", s.Epoch); s.Grid != "" && s.Epoch < 5 && !strings.Contains(string(b), says) {
			t.Errorf("at epoch %d: %v, no %q", s.Epoch, err, says)
		}
	}
	if err := Run(t.Context(), c, &hostile, o); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	_, _, lines := endOf(t, dir)
	last := lines[len(lines)-1]
	for _, says := range []string{
		"all 5 epochs", fmt.Sprintf("%.4f, %.4f", last.G, last.D), pictures.SHA256, "gantiny train --out &#39;&lt;b&gt;&#39;",
		"<code>batch = 6</code>", "<code>seed = 1</code>", "loss = &#34;bce&#34;", "data = &#34;&lt;/style&gt;&#34;",
		">losses</text>", ">norms of the gradients</text>", "spread of the samples",
		"<figcaption>epoch 1<", "<figcaption>epoch 2<", "<figcaption>epoch 4<", "<figcaption>epoch 5<",
	} {
		if !strings.Contains(page, says) {
			t.Errorf("no %q in the report", says)
		}
	}
	for _, pattern := range []string{`(?i)<script`, `(?i)<link`, `(?i)\bon\w+=`, `url\(`, `https?:`, `(?i)<[^<>]*\b(src|href)="?[^d"]`, `<b>`} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("the report has %q", found)
		}
	}
	checkPictures(t, dir, page)

	off := t.TempDir()
	if err := runIn(t, off, func(c *Config, o *Options) { c.Report = false }); err != nil || exists(filepath.Join(off, ReportFile)) {
		t.Errorf("without the setting there is a report, %v", err)
	}
}

// checkPictures: a report shows the animation and the four grids as they are in the run's folder.
func checkPictures(t *testing.T, dir, page string) {
	t.Helper()
	urls := regexp.MustCompile(`src="data:image/png;base64,([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(urls) != 5 { // the animation and four grids
		t.Fatalf("%d pictures", len(urls))
	}
	for i, epoch := range []int{0, 1, 2, 4, 5} {
		file, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(urls[i][1], "&#43;", "+"))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if n := bytes.Count(file, []byte("fcTL")); n != 4 {
				t.Errorf("the animation has %d frames", n)
			}
			continue
		}
		want, err := os.ReadFile(filepath.Join(dir, SamplesDir, gridName(epoch)))
		if err != nil || !bytes.Equal(file, want) {
			t.Errorf("the grid of epoch %d is another one (%v)", epoch, err)
		}
	}
}

// Alarms and rollbacks stand in the report, also after the run was resumed.
func TestReportOfTrouble(t *testing.T) {
	dir := t.TempDir()
	set := fragileAt(0.5, 2)
	if err := runIn(t, dir, func(c *Config, o *Options) { set(c, o); c.Epochs = 1 }); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, dir, func(c *Config, o *Options) { set(c, o); o.Resume = true }); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, ReportFile))
	if err != nil || !strings.Contains(string(b), "Step 2: training diverged at step 2: it is fragile; the checkpoint of step 0 is kept. Back to step 0") {
		t.Errorf("no rollback in the report (%v)", err)
	}
	var lines []reportLine
	for _, m := range []Metrics{{Epoch: 1}, {Epoch: 2, Alarm: "the losses are out: 1"}, {Epoch: 2}, {Epoch: 3, Alarm: "the losses are out: 2"}, {Epoch: 5, Alarm: "the losses are out: 3"}, {Epoch: 6, Alarm: "all latents draw one"}} {
		lines = append(lines, reportLine{Metrics: m})
	}
	got := alarms(lines)
	want := []reportAlarm{{2, 3, "the losses are out: 2"}, {5, 5, "the losses are out: 3"}, {6, 6, "all latents draw one"}}
	if !slices.Equal(got, want) {
		t.Errorf("alarms %+v, want %+v", got, want)
	}
}

// A folder from elsewhere may hold anything under the names of grids.
func TestReportOfAnything(t *testing.T) {
	dir := t.TempDir()
	samples := filepath.Join(dir, SamplesDir)
	if err := runIn(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	grid, err := os.ReadFile(filepath.Join(samples, "epoch-0001.png"))
	if err != nil {
		t.Fatal(err)
	}
	huge := bytes.Clone(grid)
	copy(huge[16:], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}) // width and height
	for name, b := range map[string][]byte{"epoch-0002.png": huge, "epoch-0003.png": grid[:50], "epoch-0004.png": nil, "epoch-00005.png": grid, "epoch--001.png": grid} {
		if err := os.WriteFile(filepath.Join(samples, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(samples, "epoch-0006.png"), 0o777), os.Symlink("/dev/zero", filepath.Join(samples, "epoch-0007.png"))); err != nil {
		t.Skip(err)
	}
	got, err := readGrids(samples, 9)
	if err != nil || len(got) != 1 || got[0].Epoch != 1 {
		t.Errorf("%d grids, %v", len(got), err)
	}
	for epoch := range 200 {
		if err := os.WriteFile(filepath.Join(samples, gridName(epoch+10)), grid, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err = readGrids(samples, 180)
	if err != nil || len(got) > reportGrids || got[0].Epoch != 1 || got[len(got)-1].Epoch != 180 {
		t.Errorf("%d grids, %v", len(got), err)
	}
}

// TestSampleNow draws a grid when it is asked to, which changes nothing else.
func TestSampleNow(t *testing.T) {
	want, dir := t.TempDir(), t.TempDir()
	if err := runIn(t, want, nil); err != nil {
		t.Fatal(err)
	}
	var grids []string
	if err := runIn(t, dir, func(c *Config, o *Options) {
		asked := 0
		o.SampleNow = func() bool { asked++; return asked == 3 }
		o.OnStep = func(s Stats) {
			if s.Grid != "" {
				grids = append(grids, filepath.Base(s.Grid))
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"step-00000003.png", "epoch-0001.png", "epoch-0002.png"}; !slices.Equal(grids, want) {
		t.Errorf("grids %v, want %v", grids, want)
	}
	sameEnd(t, "with a grid more", dir, want)
}

// A classifier's run has its own figures in the report and in TensorBoard's file.
func TestLogsOfClassifier(t *testing.T) {
	dir := t.TempDir()
	err := classify(t, dir, labeled(perEpoch*6+5, 1), func(c *Config, o *Options) {
		c.TensorBoard, o.Test = true, labeled(50, 2)
		o.SampleNow = func() bool { t.Error("asked for samples"); return true }
	})
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := classifyEnd(t, dir)
	last := lines[len(lines)-1]
	if !(last.GradNorm > 0) {
		t.Errorf("the last line is %+v", last)
	}
	b, err := os.ReadFile(filepath.Join(dir, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{fmt.Sprintf("<td>%.4f; %.4f, %.4f", last.Loss, last.Accuracy, last.Test), ">share named right</text>", ">test pictures</text>", "of 3 classes"} {
		if !strings.Contains(string(b), says) {
			t.Errorf("no %q in the report", says)
		}
	}
	if strings.Contains(string(b), "D(x)") || strings.Contains(string(b), "same latents") {
		t.Error("the report is a GAN's")
	}
	list := eventsOf(t, dir)
	got, grids := told(list)
	want := []string{fmt.Sprint(last.Step, "loss", float32(last.Loss)), fmt.Sprint(last.Step, "accuracy", float32(last.Accuracy)),
		fmt.Sprint(last.Step, "grad_norm", float32(last.GradNorm)), fmt.Sprint(last.Step, "test_accuracy", float32(last.Test))}
	if len(grids) > 0 || len(got) < 4 || !slices.Equal(got[len(got)-4:], want) {
		t.Errorf("events %q, want %q at the end", got, want)
	}
}
