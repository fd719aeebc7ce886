package fleet_test

import (
	"context"
	"fmt"
	"os"

	"github.com/gantiny/gantiny/fleet"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/zoo/digits"
)

// Two shards of a set, which is whole once both are done.
func Example() {
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	m, err := digits.Model()
	if err != nil {
		panic(err)
	}
	set := fleet.Set{Name: "digits-%02d.tar", Count: 40, PartImages: 10, Seed: 1, Class: -1, Truncation: 1}
	d, err := fleet.NewDrawer(m, set, model.Options{})
	if err != nil {
		panic(err)
	}
	defer d.Close()
	ctx := context.Background()
	var manifests []string
	for i := range 2 {
		manifest, _, err := d.Draw(ctx, dir, fleet.Shard{I: i + 1, N: 2}, nil)
		if err != nil {
			panic(err)
		}
		manifests = append(manifests, manifest)
	}
	v, err := fleet.Verify(ctx, manifests...)
	fmt.Println(v.Set.Count, "pictures in", v.Parts, "parts", err)
	// Output: 40 pictures in 4 parts <nil>
}
