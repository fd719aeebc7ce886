package mnist

import (
	_ "embed"

	"github.com/gantiny/gantiny/eval"
)

//go:embed classifier.safetensors
var file []byte

// Classifier returns the classifier: pictures of 28x28x1 to 10 classes, in 64 features.
func Classifier() (*eval.Classifier, error) { return eval.ReadClassifier(file) }
