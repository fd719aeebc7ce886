package fashion

import (
	"bytes"
	_ "embed"

	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/model"
)

//go:embed classifier.safetensors
var file []byte

// Classifier returns the classifier: pictures of 28x28x1 to 10 classes, in 96 features.
func Classifier() (*eval.Classifier, error) {
	m, err := model.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	return eval.NewClassifier(m)
}
