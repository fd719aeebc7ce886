package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/simd"
)

// embeddedName is what messages and JSON call the model inside the program.
const embeddedName = "embedded"

// generatorFile is the finished generator in the directory of a training run.
const generatorFile = "generator.safetensors"

// openModel loads the model that the arguments name (a file or the directory of a run), or the embedded one.
func openModel(args []string) (m *model.Model, name string, err error) {
	if len(args) == 0 {
		m, err = pretrained.Generator()
		return m, embeddedName, err
	}
	path := args[0]
	if isDir(path) {
		path = filepath.Join(path, generatorFile)
	}
	m, err = model.Load(path)
	return m, path, err
}

// pictureShape is the shape of the images that m makes; it is an error where m makes none.
func pictureShape(m *model.Model) (model.Shape, error) {
	in, out := m.Input(), m.Output()
	if !in.IsFlat() || out.IsFlat() {
		return out, fmt.Errorf("not a generator: %v to %v", in, out)
	}
	return out, nil
}

// lookupKernels finds the kernels of a --kernel flag.
func lookupKernels(name string) (*simd.Kernels, error) {
	k, err := simd.Lookup(name)
	if err != nil && name != "" {
		return nil, usagef("--kernel %s: %w", name, err)
	}
	return k, err
}

// addKernelFlag gives a command its --kernel.
func addKernelFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "kernel", "", "instruction set: "+strings.Join(kernelNames(), ", ")+" (the best by default)")
	err := cmd.RegisterFlagCompletionFunc("kernel", cobra.FixedCompletions(kernelNames(), cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err)
	}
}

// completeModel is the shell's completion of [MODEL].
func completeModel(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"safetensors"}, cobra.ShellCompDirectiveFilterFileExt
}

func kernelNames() []string {
	var names []string
	for _, k := range simd.Variants() {
		names = append(names, k.Name)
	}
	return names
}

func checkThreads(threads int) error {
	if threads < 1 || threads > 1024 {
		return usagef("--threads %d: want 1 to 1024", threads)
	}
	return nil
}
