// Package httpserve serves the pictures of generators over HTTP: a handler for any http.Server, and
// a server with limits of its own. Requests that arrive together are drawn as one batch. A page to
// explore a model with is part of it.
//
// Drawing itself is in package model. Signals, files that change and systemd are the program's
// business: cmd/gantiny/gantiny-serve.
package httpserve
