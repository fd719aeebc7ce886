package serving

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
)

// Program is the name of the program that serves.
const Program = "gantiny-serve"

// Find returns where that program is: beside this one, or on the PATH.
func Find() (string, error) {
	name := Program
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		real, err := filepath.EvalSymlinks(self)
		if err != nil {
			real = self
		}
		for _, dir := range []string{filepath.Dir(self), filepath.Dir(real)} {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, nil
			}
		}
	}
	path, err := exec.LookPath(Program)
	if err != nil {
		return "", fmt.Errorf("the program %s is neither beside this one nor on the PATH; install it by\n"+
			"  CGO_ENABLED=0 go install github.com/gantiny/gantiny/cmd/...@latest\n"+
			"or, in a clone, by\n  go install ./cmd/gantiny-serve", Program)
	}
	return path, nil
}

// Arguments are those that give another process the flags and arguments of c.
func Arguments(c *cli.Command, args []string) []string {
	var list []string
	c.Flags().Visit(func(f *cli.Flag) { list = append(list, "--"+f.Name+"="+f.Value.String()) })
	return append(append(list, "--"), args...)
}
