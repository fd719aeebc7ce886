package latent_test

import (
	"context"
	"fmt"

	"github.com/gantiny/gantiny/latent"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/zoo/digits"
)

// The directions along which the embedded digits vary most, and the class of a drawn one.
func Example() {
	m, err := digits.Model()
	if err != nil {
		panic(err)
	}
	d, err := latent.PrincipalDirections(m)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(d.Directions), "directions")

	z, picture := make([]float32, 64), make([]uint8, 28*28)
	model.Latents(z, len(z), 1, 0)
	if err := m.Exact(picture, z, 2); err != nil { // a two
		panic(err)
	}
	p, err := latent.NewProjector(m, latent.Options{Starts: 16, Refine: 1, Iterations: 4})
	if err != nil {
		panic(err)
	}
	defer p.Close()
	found, err := p.Project(context.Background(), picture)
	if err != nil {
		panic(err)
	}
	fmt.Println("class", found.Class)
	// Output:
	// 64 directions
	// class 2
}
