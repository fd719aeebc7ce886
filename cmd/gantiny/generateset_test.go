package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestSet draws a set as a fleet does, of which one worker counts its shards from 0.
func TestSet(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	args := []string{"generate", smallFile, "--count", "10", "--part", "3", "--seed", "4", "-o"}
	whole := gantiny(t, append(args, "whole-%01d.npy", "--json")...).want(t, exitDone)
	var r drawnSet
	if err := json.Unmarshal([]byte(whole.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Images != 10 || r.Parts != 4 || r.Kept != 0 || r.Manifest != "whole-manifest.json" || r.Out != "whole-%01d.npy" || r.Form != formFloat || r.Kernel == "" {
		t.Errorf("%+v", r)
	}
	want := gantiny(t, "verify", "whole-manifest.json").want(t, exitDone)
	if !strings.Contains(want.stdout, "10 images in 4 parts") {
		t.Error(want.stdout)
	}
	if err := os.Mkdir("out", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, shard := range []string{"1/3", "1+1/3", "3/3"} {
		gantiny(t, append(args, "out/d-%01d.npy", "--shard", shard)...).want(t, exitDone, "shard")
	}
	manifests := []string{"verify", "out/d-manifest-1-of-3.json", "out/d-manifest-2-of-3.json", "out/d-manifest-3-of-3.json"}
	if got := gantiny(t, manifests...).want(t, exitDone); got.stdout != want.stdout {
		t.Errorf("%q, want %q", got.stdout, want.stdout)
	}
	var v verified
	if err := json.Unmarshal([]byte(gantiny(t, append(manifests, "--json")...).want(t, exitDone).stdout), &v); err != nil || v.Images != 10 || v.Parts != 4 || !strings.Contains(want.stdout, v.SHA256) {
		t.Errorf("%+v, %v", v, err)
	}
	gantiny(t, manifests[:3]...).want(t, exitFailed, "part 2", "no manifest lists it")
	gantiny(t, append(args, "out/d-%01d.npy", "--seed", "5", "--shard", "1/3")...).want(t, exitUsage, "another set", "seed 4, not 5")
	gantiny(t, append(args, "nosuch/d-%01d.npy")...).want(t, exitFailed, "no folder nosuch")
	gantiny(t, "verify", smallFile).want(t, exitFailed, smallFile, "bad manifest")
	gantiny(t, "verify", "nosuch.json").want(t, exitFailed, "nosuch.json")
	// More shards than parts: one has nothing to do.
	gantiny(t, append(args, "many-%01d.npy", "--shard", "1/9")...).want(t, exitDone, "0 parts")
}
