package train

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// The recipes, settings that go together, as a file for Config.Decode each.
//
//go:embed recipes/*.toml
var recipeFiles embed.FS

// Recipes lists the names of the recipes.
func Recipes() []string {
	files, err := fs.Glob(recipeFiles, "recipes/*.toml")
	if err != nil {
		panic(err.Error()) // the pattern is a constant
	}
	names := make([]string, len(files))
	for i, name := range files {
		names[i] = strings.TrimSuffix(path.Base(name), ".toml")
	}
	return names
}

// Recipe returns the TOML text of a recipe. What it leaves out is as Default has it. The error
// wraps ErrConfig and lists the names that there are.
func Recipe(name string) (string, error) {
	text, err := recipeFiles.ReadFile("recipes/" + name + ".toml")
	if err != nil {
		return "", fmt.Errorf("train: %w: no recipe is called %q; there are %s", ErrConfig, name, strings.Join(Recipes(), ", "))
	}
	return string(text), nil
}
