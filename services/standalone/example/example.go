// Package example is the association that the demo begins with: Samordningsförbundet
// Insjöriket as its own published material describes it. It holds no persons.
package example

import _ "embed"

// Insjoriket is the association's file.
//
//go:embed insjoriket.yaml
var Insjoriket []byte
