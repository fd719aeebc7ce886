package beam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/gantiny/gantiny/fleet"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/zoo/digits"
)

func init() {
	register.DoFn3x1[context.Context, int, func(string), error](&drawPart{})
	register.DoFn4x1[context.Context, int, func(*string) bool, func(string), error](&writeManifest{})
	register.Emitter1[string]()
	register.Iter1[string]()
}

// Draw adds to s the drawing of a set into dir: a folder that all workers see, or an address such
// as gs://bucket/digits whose file system the program has registered (Beam's io/filesystem/gcs or
// s3). Every worker reads the model from the file of that name; "" is the built-in digits. The
// result is the path of the set's manifest. It is written last: once it is there, so are all parts.
func Draw(s beam.Scope, modelFile string, set fleet.Set, dir string) (beam.PCollection, error) {
	if set.Count < 1 || set.PartImages < 1 { // the rest is for whoever has the model
		return beam.PCollection{}, fmt.Errorf("beam: %w: %d pictures, %d in a part", fleet.ErrSet, set.Count, set.PartImages)
	}
	s = s.Scope("gantiny.Draw")
	w := Worker{ModelFile: modelFile, Set: set, Dir: dir}
	// Without a Reshuffle a runner may leave all parts to the worker that has listed them.
	numbers := make([]int, set.Parts())
	for k := range numbers {
		numbers[k] = k
	}
	parts := beam.ParDo(s, &drawPart{Worker: w}, beam.Reshuffle(s, beam.CreateList(s, numbers)))
	all := beam.GroupByKey(s, beam.AddFixedKey(s, parts))
	return beam.ParDo(s, &writeManifest{Worker: w}, all), nil
}

// Worker is what the pipeline's functions are sent to workers with.
type Worker struct {
	ModelFile string    `json:"model_file"`
	Set       fleet.Set `json:"set"`
	Dir       string    `json:"dir"`

	drawer *fleet.Drawer
}

// Setup opens the model.
func (w *Worker) Setup() error {
	m, err := open(w.ModelFile)
	if err != nil {
		return err
	}
	// Runners start a function for each of a machine's processors.
	w.drawer, err = fleet.NewDrawer(m, w.Set, model.Options{Threads: 1})
	return err
}

// Teardown ends the drawer.
func (w *Worker) Teardown() {
	if w.drawer != nil {
		w.drawer.Close()
	}
}

func open(file string) (*model.Model, error) {
	if file == "" {
		return digits.Model()
	}
	m, err := model.LoadInt8(file)
	if errors.Is(err, model.ErrNone) {
		return model.Load(file)
	}
	return m, err
}

// drawPart draws the part of a number, and emits what has become of it, a fleet.Part as JSON.
type drawPart struct{ Worker }

// ProcessElement may be called twice for a part, also at the same time: the files are the same.
func (d *drawPart) ProcessElement(ctx context.Context, k int, emit func(string)) error {
	var part fleet.Part
	err := d.into(ctx, func(dir string) (err error) {
		part, err = d.drawer.WritePart(ctx, dir, k)
		return err
	})
	if err != nil {
		return err
	}
	text, err := json.Marshal(part)
	if err == nil {
		emit(string(text))
	}
	return err
}

// writeManifest writes the manifest of all parts, and emits its path.
type writeManifest struct{ Worker }

// ProcessElement is called once, with all parts in any order.
func (m *writeManifest) ProcessElement(ctx context.Context, _ int, next func(*string) bool, emit func(string)) error {
	var parts []fleet.Part
	for text := ""; next(&text); {
		var p fleet.Part
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return err
		}
		parts = append(parts, p)
	}
	var path string
	err := m.into(ctx, func(dir string) (err error) {
		path, err = m.drawer.WriteManifest(dir, parts)
		return err
	})
	if err == nil {
		emit(strings.TrimSuffix(m.Dir, "/") + "/" + filepath.Base(path))
	}
	return err
}

// into calls write with a folder: the set's own or, of an address, one whose files are sent there.
func (w *Worker) into(ctx context.Context, write func(dir string) error) error {
	if !strings.Contains(w.Dir, "://") {
		if err := os.MkdirAll(w.Dir, 0o777); err != nil {
			return err
		}
		return write(w.Dir)
	}
	dir, err := os.MkdirTemp("", "gantiny-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := write(dir); err != nil {
		return err
	}
	return send(ctx, dir, w.Dir)
}
