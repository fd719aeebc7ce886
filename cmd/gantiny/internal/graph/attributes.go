package graph

import (
	"bytes"
	"encoding/json"
	"strings"
)

// operator is the node's kind with its attributes: "conv2d filters=64 kernel=5x5 same".
func (n *Node) operator() string {
	return strings.Join(append([]string{n.Kind}, attributes(n.Attributes, false)...), " ")
}

// attributes lists the members of an object in their order, and those of an object in it in its
// place, of these no zeros. What is false or empty is left out, and so is what says no more than
// that it is unset: a stride, a dilation or groups of 1.
func attributes(object json.RawMessage, inner bool) (list []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return list
		}
		key := name.(string)
		switch text := string(value); {
		case text == "false", text == "null", text == `""`, text == "[]", text == "0" && inner, isUnset(key, text):
		case text == "true":
			list = append(list, key)
		case value[0] == '{':
			list = append(list, attributes(value, true)...)
		case value[0] == '[':
			list = append(list, key+"="+strings.ReplaceAll(strings.Trim(text, "[]"), ",", "x"))
		default:
			list = append(list, key+"="+strings.Trim(text, `"`))
		}
	}
	return list
}

func isUnset(key, text string) bool {
	switch strings.TrimRight(strings.ToLower(key), "hw") {
	case "stride", "dilation":
		return text == "1" || text == "[1,1]"
	case "groups":
		return text == "1"
	}
	return false
}
