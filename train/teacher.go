package train

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gantiny/gantiny/model"
)

// Teacher is a finished generator that the one in training imitates beside fooling the
// discriminator: knowledge distillation, by which a smaller network draws nearly the same images
// for the same latents. The generator's loss grows by
//
//	Weight * mean((G(z, y) - teacher(z, y))²)
//
// over all pixels of the batch.
type Teacher struct {
	Model  *model.Model
	Weight float64
}

// keptTeacher takes the teacher of a run that is resumed from its directory.
func (o *Options) keptTeacher(c Config) (err error) {
	if !o.Resume {
		return nil
	}
	path := filepath.Join(o.Dir, TeacherFile)
	if o.Teacher = nil; exists(path) {
		o.Teacher, err = model.Load(path)
	} else if c.Teacher != "" {
		err = fmt.Errorf("train: %s: %w: the run learns from a teacher, which is kept there", path, fs.ErrNotExist)
	}
	return err
}

// teacher runs a Teacher beside a GAN's steps.
type teacher struct {
	Teacher
	session *model.Session
	feed    model.Feed
	latent  int       // index among the inputs
	class   int       // alike, -1 without classes
	drawn   []float32 // (N, H, W, C)
	images  window    // the same in the layout of the fakes
	squares []float64 // (N) sums over an image
}

// plan makes the session. G's pass is planned.
func (l *teacher) plan(t *Trainer, g *model.Model, fakes window) (err error) {
	if err := l.fit(g); err != nil {
		return err
	}
	m, n := l.Model, t.cfg.Batch
	if l.session, err = m.NewSession(model.Options{Batch: n, Threads: t.team.Workers(), Kernels: t.k, Winograd: true}); err != nil {
		return fmt.Errorf("train: teacher: %w", err)
	}
	l.drawn = make([]float32, n*m.Output().Len())
	l.images = fakes
	l.images.data = make([]float32, fakes.Len())
	l.squares = make([]float64, n)
	l.feed = model.Feed{In: make([]model.Data, len(m.Inputs())), Out: []model.Data{{Floats: l.drawn}}}
	l.feed.In[l.latent].Floats = make([]float32, n*m.Inputs()[l.latent].Shape.Len())
	return nil
}

// fit reports why g cannot learn from the teacher.
func (l *teacher) fit(g *model.Model) (err error) {
	if l.latent, l.class, err = l.Model.GeneratorInputs(); err != nil {
		return fmt.Errorf("train: teacher: %w", err)
	}
	latent, _, err := g.GeneratorInputs()
	if err != nil {
		return fmt.Errorf("train: generator: %w", err)
	}
	if a, b := g.Inputs()[latent].Shape, l.Model.Inputs()[l.latent].Shape; a.Len() != b.Len() {
		return fmt.Errorf("train: %w: the teacher draws from %d latents, the generator from %d", ErrConfig, b.Len(), a.Len())
	}
	if a, b := g.Output(), l.Model.Output(); a != b {
		return fmt.Errorf("train: %w: the teacher draws %v, the generator %v", ErrConfig, b, a)
	}
	if a, b := classes(g), classes(l.Model); a != b {
		return fmt.Errorf("train: %w: the teacher has %d classes, the generator %d", ErrConfig, b, a)
	}
	return nil
}

// draw has the teacher draw what the generator is about to: from the same latents and classes.
func (l *teacher) draw(noise window, labels []int32) error {
	noise.Export(l.feed.In[l.latent].Floats, noise.data)
	if l.class >= 0 {
		l.feed.In[l.class].Classes = labels
	}
	if err := l.session.RunFeed(context.Background(), l.feed); err != nil {
		return fmt.Errorf("train: teacher: %w", err)
	}
	l.images.Import(l.images.data, l.drawn)
	return nil
}

// add adds the gradient of the loss to that at the fakes and returns the mean of the squared
// differences.
func (l *teacher) add(t *Trainer, grad, fakes window) float64 {
	values := float64(len(l.drawn))
	factor := float32(2 * l.Weight / values)
	t.each(fakes.N, func(i int) {
		sum := 0.0
		for p := range fakes.Positions() {
			g, want := grad.pixel(p, i), l.images.pixel(p, i)
			for c, v := range fakes.pixel(p, i) {
				d := v - want[c]
				sum += float64(float64(d) * float64(d)) // the conversions keep products from being fused with sums
				g[c] += float32(factor * d)
			}
		}
		l.squares[i] = sum
	})
	sum := 0.0
	for _, s := range l.squares {
		sum += s
	}
	return sum / values
}

// close ends the threads, of no teacher none.
func (l *teacher) close() {
	if l != nil && l.session != nil {
		l.session.Close()
	}
}
