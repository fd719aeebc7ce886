package httpserve

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/gantiny/gantiny/internal/explorer"
	"github.com/gantiny/gantiny/latent"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// catalog is the models that are served at a time.
type catalog struct {
	list   []*served
	byName map[string]*served
}

// served is one model of a catalog. It lives until the catalog is replaced and the requests that
// began with it have finished.
type served struct {
	info    explorer.Info // its ID is a hash of everything that pictures depend on, besides the request
	name    string
	m       *model.Model
	latent  int // index of the input; class is -1 without classes
	class   int
	dim     int
	classes int
	out     model.Shape

	directions func() (latent.Directions, error)

	mu    sync.Mutex
	users int // requests, and the catalog
	free  []*model.Session
}

// newCatalog prepares all models, so that one that cannot draw is an error here.
func newCatalog(models []Model) (*catalog, error) {
	if len(models) == 0 {
		return nil, errors.New("there are none")
	}
	c := &catalog{byName: map[string]*served{}}
	for _, m := range models {
		sm, err := newServed(m)
		if err == nil && c.byName[m.Name] != nil {
			sm.leave()
			err = errors.New("two of that name")
		}
		if err != nil {
			c.retire()
			return nil, fmt.Errorf("%q: %w", m.Name, err)
		}
		c.list, c.byName[m.Name] = append(c.list, sm), sm
	}
	return c, nil
}

func newServed(m Model) (*served, error) {
	if m.Name == "" || m.Generator == nil {
		return nil, errors.New("no name or no generator")
	}
	s := &served{name: m.Name, m: m.Generator.Model(), users: 1, dim: m.Generator.Latent(), classes: m.Generator.Classes()}
	s.out = s.m.Output()
	var err error
	if s.latent, s.class, err = s.m.GeneratorInputs(); err != nil {
		return nil, err
	}
	id, err := identity(s.m)
	if err != nil {
		return nil, err
	}
	if s.info, err = explorer.InfoOf(s.m, s.name, id); err != nil {
		return nil, err
	}
	session, err := s.session() // it packs the weights, after which the file may change
	if err != nil {
		return nil, err
	}
	s.put(session)
	s.directions = sync.OnceValues(func() (latent.Directions, error) { return latent.PrincipalDirections(s.m) })
	return s, nil
}

// identity is a hash of a model and, where its pictures are not the same everywhere, of what else
// they depend on.
func identity(m *model.Model) (string, error) {
	h := sha256.New()
	if err := m.Encode(h, model.SaveOptions{}); err != nil {
		return "", err
	}
	if !m.Quantized() {
		k, err := simd.Lookup("")
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, runtime.GOARCH, k.Name)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// find returns a model, the first one if the name is empty, for a request that calls leave later.
func (c *catalog) find(name string) *served {
	if c == nil {
		return nil
	}
	s := c.byName[name]
	if name == "" {
		s = c.list[0]
	}
	if s == nil || !s.enter() {
		return nil
	}
	return s
}

// retire gives up the catalog's hold on its models.
func (c *catalog) retire() {
	for _, s := range c.list {
		s.leave()
	}
}

// enter counts one more user; it is false where the model has lost its last one.
func (s *served) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		return false
	}
	s.users++
	return true
}

func (s *served) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		for _, session := range s.free {
			session.Close()
		}
		s.free = nil
	}
}

// session takes a free session, or makes one.
func (s *served) session() (*model.Session, error) {
	s.mu.Lock()
	if n := len(s.free); n > 0 {
		session := s.free[n-1]
		s.free = s.free[:n-1]
		s.mu.Unlock()
		return session, nil
	}
	s.mu.Unlock()
	// As Generator.Draw has it: the same options give the same bits.
	return s.m.NewSession(model.Options{Threads: 1, Winograd: true})
}

func (s *served) put(session *model.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		session.Close()
		return
	}
	s.free = append(s.free, session)
}

// feed is what a session reads and writes for n images: floats or pixels may be nil.
func (s *served) feed(z []float32, classes []int32, floats []float32, pixels []uint8) model.Feed {
	f := model.Feed{In: make([]model.Data, len(s.m.Inputs())), Out: make([]model.Data, len(s.m.Outputs()))}
	f.In[s.latent].Floats = z
	if s.class >= 0 {
		f.In[s.class].Classes = classes
	}
	f.Out[0] = model.Data{Floats: floats, Pixels: pixels}
	return f
}

// names lists the models.
func (c *catalog) names() (list []string) {
	for _, s := range c.list {
		list = append(list, s.name)
	}
	return slices.Clip(list)
}
