// Package example is the association with which the demo begins: Samordningsförbundet
// Insjöriket as its own published material describes it. Beside its file are others that come
// with the suite: insjoriket-whole.yaml and kalmar.yaml. They hold no persons.
package example

import _ "embed"

// Insjoriket is the association's file.
//
//go:embed insjoriket.yaml
var Insjoriket []byte

// Association is the id of Insjoriket.
const Association = "insjoriket"

// Units is an invented register of the units that refer to it, as JSON.
//
//go:embed units.json
var Units []byte
