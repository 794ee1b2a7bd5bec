// Package example is the association that the demo begins with: Samordningsförbundet
// Insjöriket as its own published material describes it. It holds no persons.
package example

import _ "embed"

// Insjoriket is the association's file.
//
//go:embed insjoriket.yaml
var Insjoriket []byte

// Association is its id.
const Association = "insjoriket"

// Units is an invented register of the units that refer to it, as JSON.
//
//go:embed units.json
var Units []byte
